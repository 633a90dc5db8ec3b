import { Argument, type Command } from 'commander';
import type { Terminal } from '../terminal.ts';

/** Adds `relight completion SHELL`, whose script asks `relight complete -- WORDS…` at each press of the tab key. */
export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .description('print a script that lets a shell complete commands, options and names')
    .addArgument(new Argument('<SHELL>').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\n  source <(relight completion bash)')
    .action(async (shell: string) => {
      const { script } = await import('@bomb.sh/tab');
      script(shell, 'relight', 'relight');
    });
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const [{ propose }, { findNames }] = await Promise.all([
        import('./propose.ts'),
        import('./find-names.ts'),
      ]);
      const { proposals, goesOn } = await propose(program, words, findNames(terminal));
      for (const { text, does } of proposals) terminal.print(`${text}\t${does}`);
      terminal.print(`:${NO_FILES + (goesOn ? NO_SPACE : 0)}`);
    });
}

/** What the script is to do with the proposals, as a sum (the protocol of cobra, https://cobra.dev). */
const [NO_SPACE, NO_FILES] = [2, 4];
