import { Argument, type Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { SCRIPTS } from './scripts.ts';

/** Adds `relight completion SHELL`, and the command that its script asks. */
export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .description('print a script that lets a shell complete commands, options and names')
    .addArgument(new Argument('<SHELL>').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', '\n  source <(relight completion bash)')
    .action((shell: keyof typeof SCRIPTS) => terminal.print(SCRIPTS[shell]));
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const [{ propose }, { findNames }] = await Promise.all([
        import('./propose.ts'),
        import('./find-names.ts'),
      ]);
      for (const { text, does } of await propose(program, words, findNames(terminal)))
        terminal.print(`${text}\t${does}`);
    });
}
