import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { Task } from './session.ts';

/** Runs the task that a command stands for. */
export type Runner = (command: Command, task: Task<never>) => Promise<void>;

const EXIT_CODES = `
Exit codes: 0 done, 1 refused or failed (code, reason and what to do on standard error), 2 wrong use, 3 a watched replay
that brought back only a part, 69 Relight cannot be reached.

Give the token as RELIGHT_TOKEN, or on standard input with --token -.`;

const YES = ['-y, --yes', 'do not ask'] as const;
const AGENT_COMMAND = ['--agent-command <command>', "what its agents run; '' for none"] as const;

/** The whole command line: what there is to say, and which task it stands for. Tasks are loaded when they are run. */
export function createProgram(run: Runner): Command {
  const program = new Command('relight')
    .description("Relight's command line for operators: towns of coding agents whose disk may vanish")
    .option('--url <url>', 'where Relight is (RELIGHT_URL, or http://127.0.0.1:8787)')
    .option('--token <token>', 'the operator token, - for standard input (RELIGHT_TOKEN)')
    .option('--json', 'print exactly what the API answered')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXIT_CODES)
    .exitOverride();

  /** A command whose usage is `words`, which does what `load` gives. */
  const add = (parent: Command, words: string, does: string, load: () => Promise<Task<never>>): Command => {
    const [name = '', ...places] = words.split(' ');
    const command = parent.command(name).description(does);
    for (const place of places) command.addArgument(new Argument(place));
    return command.action(async () => await run(command, await load()));
  };
  const group = (name: string, does: string): Command => program.command(name).description(does);

  add(
    program,
    'status [TOWN]',
    'how all towns stand, or one of them on one screen',
    async () => (await import('./commands/status.ts')).status,
  ).option('-w, --watch', 'go on showing the town as it changes, until Ctrl-C');

  const towns = async () => await import('./commands/town.ts');
  const town = group('town', 'make, change, start, stop and remove towns');
  add(town, 'ls', 'the names of all towns', async () => (await towns()).list);
  add(town, 'show <TOWN>', 'a town with its settings', async () => (await towns()).details);
  add(
    town,
    'put <TOWN>',
    'make a town, or change the settings that are given',
    async () => (await towns()).put,
  )
    .option(...AGENT_COMMAND)
    .option(
      '--agent-secrets <VARIABLE=NAME>',
      "a secret for its agents, by the Worker's name for it; may be repeated, '' for none",
      pairs,
    )
    .option(
      '--snapshot-interval-seconds <seconds>',
      'how often changing worktrees are snapshotted at least',
      count,
    )
    .addOption(
      new Option('--snapshot-store <store>', "where snapshots go; '' for the default").choices([
        'r2',
        'git',
        '',
      ]),
    )
    .option('--max-snapshot-file-bytes <bytes>', 'how large a file in a snapshot may be', count)
    .option('--drain-seconds <seconds>', 'how long agents may take to end', count);
  add(
    town,
    'archive <TOWN>',
    'print a town as an archive: settings, rigs, agents, checkpoints',
    async () => (await towns()).archive,
  );
  add(
    town,
    'restore <TOWN> <FILE>',
    'make a town from an archive; - for standard input',
    async () => (await towns()).restore,
  );
  add(town, 'rm <TOWN>', 'remove a town and all it holds', async () => (await towns()).remove).option(...YES);
  add(town, 'start <TOWN>', 'start the container', async () => (await towns()).start);
  add(town, 'stop <TOWN>', 'stop the container in good order', async () => (await towns()).stop).option(
    ...YES,
  );
  add(town, 'kill <TOWN>', 'kill the container', async () => (await towns()).kill).option(...YES);

  const rigs = async () => await import('./commands/rig.ts');
  const rig = group('rig', 'register, change and remove rigs');
  add(rig, 'ls <TOWN>', 'the rigs of a town', async () => (await rigs()).list);
  add(rig, 'show <TOWN/RIG>', 'a rig with its settings', async () => (await rigs()).details);
  add(
    rig,
    'put <TOWN/RIG>',
    'register a rig, or change the settings that are given',
    async () => (await rigs()).put,
  )
    .option('--git-url <url>', 'its repository, by https or ssh')
    .option('--default-branch <branch>', "the branch to start from; '' for the remote's")
    .option('--credential <name>', "the Worker's name for its git credential; '' for none")
    .option('--setup-command <command>', "what is run when a worktree is made; '' for nothing")
    .option(...AGENT_COMMAND)
    .addOption(
      new Option('--history <depth>', 'how much of its history is brought').choices([
        'full',
        'blobless',
        'shallow',
      ]),
    )
    .option('--sparse <folder>', "a folder that worktrees have; may be repeated, '' for all", words);
  add(rig, 'rm <TOWN/RIG>', 'remove a rig and its agents', async () => (await rigs()).remove).option(...YES);

  const agents = async () => await import('./commands/agent.ts');
  const agent = group('agent', 'add, change, look at and remove agents');
  add(agent, 'ls <TOWN[/RIG]>', 'the agents of a town or a rig', async () => (await agents()).list);
  add(agent, 'show <TOWN/RIG/AGENT>', 'an agent with its settings', async () => (await agents()).details);
  add(
    agent,
    'put <TOWN/RIG/AGENT>',
    'add an agent, or change the settings that are given',
    async () => (await agents()).put,
  )
    .addOption(new Option('--role <role>', 'what it is').choices(['polecat', 'witness', 'refinery', 'mayor']))
    .option('--base-branch <branch>', "the branch that its own start from; '' for the rig's")
    .option('--agent-command <command>', "what it runs; '' for the rig's");
  add(
    agent,
    'rm <TOWN/RIG/AGENT>',
    'remove an agent and what is kept of it',
    async () => (await agents()).remove,
  ).option(...YES);
  add(agent, 'prime <TOWN/RIG/AGENT>', 'what it is told when it starts', async () => (await agents()).prime);
  add(
    agent,
    'checkpoints <TOWN/RIG/AGENT>',
    'its checkpoints, newest first',
    async () => (await agents()).checkpoints,
  );
  add(
    agent,
    'snapshots <TOWN/RIG/AGENT>',
    'its snapshots, newest first',
    async () => (await agents()).snapshots,
  );
  add(agent, 'snapshot <TOWN/RIG/AGENT>', 'snapshot its worktree now', async () => (await agents()).snapshot);

  const slings = async () => await import('./commands/sling.ts');
  add(
    program,
    'sling <TOWN/RIG/AGENT>',
    'hook a bead to an agent; without --bead its own once more',
    async () => (await slings()).sling,
  )
    .option('--bead <id>', "the bead's name")
    .option('--title <title>', 'what is to be done, in a line')
    .option('--body <text|-|@file>', 'all that there is to say about it')
    .option('--branch <branch>', 'where to work (gt/AGENT/BEAD)')
    .option('--git-url <url>', 'add the rig with this repository, and the agent, if they are missing')
    .addHelpText(
      'after',
      '\n  relight sling home/site/ada --bead fix-1 --title "Fix the footer" --body @footer.md',
    );
  add(
    program,
    'unsling <TOWN/RIG/AGENT>',
    'take the bead from an agent',
    async () => (await slings()).unsling,
  ).option(...YES);

  const operators = async () => await import('./commands/operator.ts');
  const operator = group('operator', 'tokens for other people; with the root token');
  add(operator, 'ls', 'all operators beside root', async () => (await operators()).list);
  add(
    operator,
    'add <NAME>',
    'make an operator and print the token, once',
    async () => (await operators()).add,
  );
  add(operator, 'rm <NAME>', 'revoke a token at once', async () => (await operators()).remove).option(...YES);

  const recoveries = async () => await import('./commands/recovery.ts');
  const recovery = group('recovery', 'look at recoveries');
  add(recovery, 'ls <TOWN>', 'the recoveries of a town, newest first', async () => (await recoveries()).list);
  add(
    recovery,
    'show <TOWN> [ID]',
    'a recovery with all its phases; the latest',
    async () => (await recoveries()).details,
  );
  add(
    program,
    'replay <TOWN>',
    'replay the recovery of a town; safe on a live one',
    async () => (await recoveries()).replay,
  )
    .option('--rig <rig>', 'only this rig; may be repeated', words)
    .option('-w, --watch', 'follow it to its end; the exit code tells how it ended');

  add(
    program,
    'log <TOWN/RIG/AGENT>',
    'the last output of an agent',
    async () => (await import('./commands/log.ts')).log,
  ).option('-f, --follow', 'go on printing what it writes, until Ctrl-C');
  add(program, 'kill <TOWN>', 'kill the container of a town', async () => (await towns()).kill).option(
    ...YES,
  );

  return program;
}

function count(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value))
    throw new InvalidArgumentError('It is no whole number.');
  return value;
}

/** The words of an option that may be given several times; an empty one stands for none. */
function words(text: string, before: string[] = []): string[] {
  return text === '' ? before : [...before, text];
}

function pairs(text: string, before: Record<string, string> = {}): Record<string, string> {
  if (text === '') return before;
  const [, variable, name] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (variable === undefined || name === undefined)
    throw new InvalidArgumentError('It is not VARIABLE=NAME.');
  return { ...before, [variable]: name };
}
