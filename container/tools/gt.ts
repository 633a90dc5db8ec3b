// `gt`: how an agent speaks to Relight. Only built-in modules, it has to start quickly.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { checkpoint, done, type Link, prime, status } from './agent-calls.ts';
import { ControlAway } from './control-socket.ts';
import { GENERAL_HELP, HELP } from './gt-help.ts';

/** Exit codes, also in the help: the last one is EX_UNAVAILABLE of sysexits(3). */
const EXIT = { ok: 0, refused: 1, usage: 2, away: 69 } as const;
const DEFAULT_WAIT_SECONDS = 30;

type Command = keyof typeof HELP;

class UsageError extends Error {}

/** What each command does, and what it prints: null for one that speaks for itself. */
const COMMANDS: Readonly<Record<Command, (args: string[]) => Promise<string | null>>> = {
  prime: async (args) => {
    const { values } = parse('prime', args, { json: { type: 'boolean' } });
    const { words, json } = await prime(controlLink());
    return values.json === true ? json : words;
  },
  checkpoint: async (args) => {
    const { positionals } = parse('checkpoint', args, {}, 1);
    return (await checkpoint(controlLink(), await checkpointText(positionals[0] ?? ''))).words;
  },
  done: async (args) => {
    const { values } = parse('done', args, DONE_OPTIONS);
    const { 'pr-url': prUrl = null, summary = null, wip = false, discard = false } = values;
    return (await done(controlLink(), { prUrl, summary, wip, discard })).words;
  },
  status: async (args) => {
    parse('status', args, { json: { type: 'boolean' } });
    return (await status(controlLink())).words;
  },
  mcp: async (args) => {
    parse('mcp', args, {});
    const link = controlLink();
    // Here and not above: the SDK takes several times as long to load as all of `gt`.
    const { serveMcp } = await import('./mcp.ts');
    await serveMcp(link);
    return null;
  },
};

const DONE_OPTIONS = {
  'pr-url': { type: 'string' },
  summary: { type: 'string' },
  wip: { type: 'boolean' },
  discard: { type: 'boolean' },
} as const;

async function main([name, ...args]: string[]): Promise<string | null> {
  if (name === undefined) throw new UsageError(`say what to do\n\n${GENERAL_HELP}`);
  if (name === '--help' || name === '-h' || name === 'help')
    return args[0] === undefined ? GENERAL_HELP : HELP[commandOf(args[0])];
  const command = commandOf(name);
  return args.includes('--help') || args.includes('-h') ? HELP[command] : await COMMANDS[command](args);
}

function commandOf(name: string): Command {
  if (isCommand(name)) return name;
  throw new UsageError(`there is no command ${name}\n\n${GENERAL_HELP}`);
}

function isCommand(name: string): name is Command {
  return Object.hasOwn(HELP, name);
}

function parse<Options extends NonNullable<ParseArgsConfig['options']>>(
  command: Command,
  args: string[],
  options: Options,
  places = 0,
) {
  const usage = `Usage: ${HELP[command].slice(0, HELP[command].indexOf('\n'))}`;
  try {
    // A checkpoint may be a negative number: what is not an option of the command is no option at all.
    const known = places === 1 && args.length === 1 ? ['--', ...args] : args;
    const parsed = parseArgs({ args: known, options, allowPositionals: places > 0, strict: true });
    if (parsed.positionals.length === places) return parsed;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`, {
      cause: error,
    });
  }
  throw new UsageError(`wrong number of arguments\n${usage}`);
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

function controlLink(): Link {
  const { GT_SOCKET: socketPath, GT_WAIT_SECONDS: seconds = DEFAULT_WAIT_SECONDS } = process.env;
  if (socketPath === undefined) throw new UsageError('GT_SOCKET is not set: gt works inside an agent');
  const waitMs = Number(seconds) * 1000;
  if (!(waitMs >= 0)) throw new UsageError(`GT_WAIT_SECONDS is no number of seconds: ${seconds}`);
  return { socketPath, waitMs };
}

try {
  const answer = await main(process.argv.slice(2));
  if (answer !== null) process.stdout.write(answer.endsWith('\n') ? answer : `${answer}\n`);
  process.exitCode = EXIT.ok;
} catch (error) {
  process.stderr.write(`gt: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.exitCode = EXIT.usage;
  else process.exitCode = error instanceof ControlAway ? EXIT.away : EXIT.refused;
}
