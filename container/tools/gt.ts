// `gt`: how an agent speaks to Relight. Only built-in modules, it has to start quickly.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { askControl, ControlAway } from './control-socket.ts';
import { GENERAL_HELP, HELP } from './gt-help.ts';
import { field } from './json-field.ts';

/** Exit codes, also in the help: the last one is EX_UNAVAILABLE of sysexits(3). */
const EXIT = { ok: 0, refused: 1, usage: 2, away: 69 } as const;
const DEFAULT_WAIT_SECONDS = 30;

class UsageError extends Error {}
class Refusal extends Error {}

const COMMANDS: Readonly<Record<string, (args: string[]) => Promise<string>>> = {
  prime: async (args) => {
    const { values } = parse(args, { json: { type: 'boolean' } }, 0);
    const prime = await ask('/prime', '');
    return values['json'] === true ? prime : field(prime, 'text');
  },
  checkpoint: async (args) => {
    const { positionals } = parse(args, {}, 1);
    const receipt = await ask('/checkpoint', await checkpointText(positionals[0] ?? ''));
    return `checkpoint ${field(receipt, 'seq')} saved`;
  },
  done: async (args) => {
    const { values } = parse(args, DONE_OPTIONS, 0);
    const { 'pr-url': prUrl = null, summary = null, discard = false } = values;
    const answer = await ask('/done', JSON.stringify({ prUrl, summary, discard }));
    return `${field(answer, 'bead')} is done`;
  },
  status: async (args) => {
    parse(args, { json: { type: 'boolean' } }, 0);
    return await ask('/status', '');
  },
};

const DONE_OPTIONS = {
  'pr-url': { type: 'string' },
  summary: { type: 'string' },
  discard: { type: 'boolean' },
} as const;

async function main([name, ...args]: string[]): Promise<string> {
  if (name === undefined) throw new UsageError(`say what to do\n\n${GENERAL_HELP}`);
  if (name === '--help' || name === '-h' || name === 'help') return HELP[args[0] ?? ''] ?? GENERAL_HELP;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`there is no command ${name}\n\n${GENERAL_HELP}`);
  if (args.includes('--help') || args.includes('-h')) return HELP[name] ?? GENERAL_HELP;
  return await command(args);
}

function parse(
  args: string[],
  options: NonNullable<ParseArgsConfig['options']>,
  places: number,
): { values: Record<string, unknown>; positionals: string[] } {
  let parsed;
  try {
    // A checkpoint may be a negative number: what is not an option of the command is no option at all.
    const known = places === 1 && args.length === 1 ? ['--', ...args] : args;
    parsed = parseArgs({ args: known, options, allowPositionals: places > 0, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  if (parsed.positionals.length !== places) throw new UsageError('wrong number of arguments; see --help');
  return parsed;
}

async function checkpointText(argument: string): Promise<string> {
  if (argument === '-') return await text(process.stdin);
  if (!argument.startsWith('@')) return argument;
  try {
    return await readFile(argument.slice(1), 'utf8');
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function ask(path: string, body: string): Promise<string> {
  const socketPath = process.env['GT_SOCKET'];
  if (socketPath === undefined) throw new UsageError('GT_SOCKET is not set: gt works inside an agent');
  const seconds = Number(process.env['GT_WAIT_SECONDS'] ?? DEFAULT_WAIT_SECONDS);
  const answer = await askControl(socketPath, path, { body, waitMs: seconds * 1000 });
  if (answer.status !== 200)
    throw new Refusal(`${field(answer.text, 'code')}: ${field(answer.text, 'detail')}`);
  return answer.text;
}

try {
  const answer = await main(process.argv.slice(2));
  process.stdout.write(answer.endsWith('\n') ? answer : `${answer}\n`);
  process.exitCode = EXIT.ok;
} catch (error) {
  process.stderr.write(`gt: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.exitCode = EXIT.usage;
  else process.exitCode = error instanceof ControlAway ? EXIT.away : EXIT.refused;
}
