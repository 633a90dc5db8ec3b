import { type Command, CommanderError } from 'commander';
import { addCompletion } from './completion/commands.ts';
import { EXIT, Failure, RefusedError } from './failure.ts';
import { createProgram } from './program.ts';
import type { Session, Task } from './session.ts';
import type { GlobalOptions } from './settings.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line, and gives its exit code. What goes wrong is said in a sentence. */
export async function relight(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = createProgram(async (command, task) => {
    exitCode = (await runTask(command, task, terminal)) ?? EXIT.ok;
  });
  addCompletion(program, terminal);
  let complaint = '';
  forAll(program, (command) =>
    command.configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => (complaint += text),
    }),
  );
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError))
      return tellFailure(error, terminal, program.opts<GlobalOptions>());
    if (error.exitCode === EXIT.ok) return EXIT.ok;
    const isBare = error.code === 'commander.help';
    terminal.say(
      isBare ? `say what to do (usage)\n\n${complaint.trimEnd()}` : usageOf(program, args, complaint),
    );
    return EXIT.usage;
  }
}

async function runTask(command: Command, task: Task<never>, terminal: Terminal): Promise<number | void> {
  const options: GlobalOptions = command.optsWithGlobals();
  // Here and not above: a help text needs neither the contract nor its schemas.
  const [{ Api }, { settingsOf }] = await Promise.all([import('./api.ts'), import('./settings.ts')]);
  const api = new Api(await settingsOf(options, terminal.stdin));
  const interruption = new Interruption();
  const session: Session = {
    api,
    terminal,
    options,
    get interrupted() {
      return interruption.signal;
    },
  };
  try {
    // Commander gives a command the options that it declares: those that its task expects.
    return await task(session, command.opts<never>(), ...command.args);
  } finally {
    interruption.release();
  }
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C and SIGTERM, which end the process until somebody asks for the signal. */
class Interruption {
  readonly #controller = new AbortController();
  readonly #abort = (): void => this.#controller.abort();

  get signal(): AbortSignal {
    this.release();
    // Once: the second one ends what does not end by itself.
    if (!this.#controller.signal.aborted) for (const name of ENDING_SIGNALS) process.once(name, this.#abort);
    return this.#controller.signal;
  }

  release(): void {
    for (const name of ENDING_SIGNALS) process.off(name, this.#abort);
  }
}

function tellFailure(error: unknown, terminal: Terminal, { json }: GlobalOptions): number {
  if (!(error instanceof Failure)) {
    const reason = error instanceof Error ? error.message : String(error);
    terminal.say(`${reason.replaceAll(/\s*\n\s*/g, ' ')} (internal); this is a defect of relight`);
    return EXIT.failed;
  }
  if (error instanceof RefusedError && json === true) terminal.print(error.text);
  terminal.say(error.message);
  return error.exitCode;
}

/** What was written wrongly, and how to write it. */
function usageOf(program: Command, args: readonly string[], complaint: string): string {
  let command = program;
  for (const arg of args) command = command.commands.find((each) => each.name() === arg) ?? command;
  const message = complaint
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ');
  return `${message} (usage)\nUsage: ${command.createHelp().commandUsage(command)}`;
}

function forAll(command: Command, does: (command: Command) => void): void {
  does(command);
  for (const child of command.commands) forAll(child, does);
}
