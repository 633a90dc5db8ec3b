import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { prepare, type Plan, type Prepared } from '../../../container/agents/prepare.ts';
import { judgeSession } from '../../../container/agents/session.ts';
import { makeWorkspace, startControl } from './control-process.ts';
import { GT } from './agent-town.ts';
import { startFakeWorker } from './fake-worker.ts';
import { makeWorktree } from './worktrees.ts';

const WORKTREE = '/work space/rigs/r/agents/a';

/** A file as each tool leaves one behind with a session. */
const SESSIONS = {
  kilo: '.local/share/kilo/kilo.db',
  opencode: '.local/share/opencode/opencode.db',
  claude: '.claude/projects/-work-space-rigs-r-agents-a/5ab2.jsonl',
  codex: '.codex/sessions/2026/01/02/rollout-2026-01-02-5ab2.jsonl',
} as const;
const TOOLS = ['kilo', 'opencode', 'claude', 'codex'] as const;

/** How each tool is told to go on. */
const GOES_ON = {
  kilo: /'--continue'$/,
  opencode: /'--continue'$/,
  claude: /'--continue'/,
  codex: /'resume' '--last' '-'$/,
};

async function plan(command: string, more: Partial<Plan> = {}): Promise<Plan> {
  const home = join(await makeWorkspace(), `it's "home" $HOME`);
  return {
    home,
    worktree: WORKTREE,
    bead: 'b-1',
    command,
    prime: 'Your bead',
    env: { PATH: '/bin' },
    ...more,
  };
}

async function leave(home: string, path: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await writeFile(join(home, path), '');
}

async function filesBelow(home: string): Promise<Record<string, string>> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path.slice(home.length + 1), await readFile(path, 'utf8')])),
  ) as Record<string, string>;
}

/** The words that a shell makes of a prepared command. */
async function wordsOf({ command }: Prepared): Promise<string[]> {
  const script = command.replace(/^exec '[a-z]+'/, String.raw`printf '%s\n'`);
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script]);
  return stdout.trimEnd().split('\n');
}

describe('a command', () => {
  test.each(['sleep 60', 'opencode run', ' opencode', 'opencode;', 'Kilo', 'constructor'])(
    'that is not exactly the name of a preset stays a shell command: %s',
    async (command) => {
      const given = await plan(command);
      const prepared = { command, input: given.prime, env: given.env, resumes: false };
      expect(await prepare(given)).toEqual(prepared);
    },
  );
});

describe.each(TOOLS)('the preset %s', (tool) => {
  test('writes nothing but its own files, the same ones each time', async () => {
    const given = await plan(tool);
    await prepare(given);
    const first = await filesBelow(given.home);
    await prepare(given);
    expect(await filesBelow(given.home)).toEqual(first);
    expect(Object.keys(first).every((path) => path.startsWith('.config/gt/'))).toBe(true);
  });

  test('offers gt as an MCP server by its whole path', async () => {
    const given = await plan(tool);
    const prepared = await prepare(given);
    const said = [...Object.values(await filesBelow(given.home)), prepared.command].join('\n');
    expect(said).toContain(`"${GT}"`);
    expect(said).toContain('"mcp"');
  });

  test('starts with its prime on standard input, and goes on with the session of the same bead', async () => {
    const given = await plan(tool);
    const fresh = await prepare(given);
    expect(fresh.command).not.toMatch(GOES_ON[tool]);
    expect(fresh.input).toBe(given.prime);
    await leave(given.home, SESSIONS[tool]);
    const resumed = await prepare(given);
    expect(resumed.command).toMatch(GOES_ON[tool]);
    expect(resumed.input).toMatch(/^You were cut off[^]*\n\nYour bead$/);
  });

  test('never goes on with the session of another bead, also when a start died before it had one', async () => {
    const given = await plan(tool);
    await prepare(given);
    await leave(given.home, SESSIONS[tool]);
    const next = { ...given, bead: 'b-2' };
    expect((await prepare(next)).command).not.toMatch(GOES_ON[tool]);
    expect((await prepare(next)).command).not.toMatch(GOES_ON[tool]);
  });

  test('starts afresh once it failed twice soon after it went on with its session', async () => {
    const given = await plan(tool);
    await prepare(given);
    await leave(given.home, SESSIONS[tool]);
    const goesOn = async (): Promise<boolean> => (await prepare(given)).resumes;
    const ended = async (code: number | null, ranMs: number): Promise<void> =>
      judgeSession(given.home, given.bead, { code, ranMs });
    for (const [code, ranMs] of [
      [1, 500],
      [0, 500],
      [1, 500],
      [1, 90_000],
      [null, 500],
    ] as const) {
      await ended(code, ranMs);
      expect(await goesOn()).toBe(true);
    }
    await ended(1, 500);
    expect(await goesOn()).toBe(false);
  });

  test('starts afresh when its session is gone with the disk', async () => {
    const given = await plan(tool);
    await prepare(given);
    expect((await prepare(given)).command).not.toMatch(GOES_ON[tool]);
  });

  test('lets no text or path become a part of the command line', async () => {
    const harm = `'; touch "harm" $(touch harm)\n-x`;
    const given = await plan(tool, { prime: harm, bead: harm });
    const prepared = await prepare(given);
    expect(prepared.input).toBe(harm);
    const words = await wordsOf(prepared);
    const paths = words.filter((word) => word.startsWith('/'));
    expect(paths.every((path) => path.startsWith(`${given.home}/`))).toBe(true);
    expect(words.join(' ')).not.toContain('harm');
  });

  test('leaves what the environment says already', async () => {
    const given = await plan(tool);
    const own = (await prepare(given)).env;
    const theirs = Object.fromEntries(Object.keys(own).map((name) => [name, 'theirs']));
    expect((await prepare({ ...given, env: theirs })).env).toEqual(theirs);
  });
});

describe('what each preset runs', () => {
  test.each([
    ['kilo', 'kilo run --auto'],
    ['opencode', 'opencode run --auto'],
    ['claude', 'claude --print --dangerously-skip-permissions --mcp-config '],
    ['codex', 'codex exec --dangerously-bypass-approvals-and-sandbox --skip-git-repo-check '],
  ])('%s: unattended and with everything allowed', async (tool, line) => {
    const { command } = await prepare(await plan(tool));
    expect(command.replaceAll("'", '')).toContain(`exec ${line}`);
  });

  test('shows gt to the model from the start, and to its shell', async () => {
    const claude = await plan('claude');
    await prepare(claude);
    const servers = JSON.parse(
      (await filesBelow(claude.home))['.config/gt/claude-mcp.json'] ?? '',
    ) as unknown;
    expect(servers).toEqual({ mcpServers: { gt: { command: GT, args: ['mcp'], alwaysLoad: true } } });
    const codex = await prepare(await plan('codex'));
    expect(codex.command).toContain("'allow_login_shell=false'");
  });

  test('is silent towards its maker', async () => {
    const [kilo, opencode, claude, codex] = await Promise.all(
      TOOLS.map(async (tool) => await prepare(await plan(tool))),
    );
    expect(kilo?.env).toMatchObject({
      KILO_TELEMETRY_LEVEL: 'off',
      KILO_DISABLE_PRESENCE: '1',
      KILO_DISABLE_AUTOUPDATE: '1',
    });
    expect(opencode?.env).toMatchObject({ OPENCODE_DISABLE_SHARE: '1', OPENCODE_DISABLE_AUTOUPDATE: '1' });
    expect(claude?.env).toMatchObject({ CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' });
    expect(codex?.command).toContain("'analytics.enabled=false'");
  });
});

test('an agent whose command is a preset gets the tool, its prime and its settings', async () => {
  const worker = await startFakeWorker();
  const bin = await makeWorkspace();
  const stub =
    '#!/bin/sh\necho "ran $@ with $OPENCODE_CONFIG"; cat; cat "$OPENCODE_CONFIG"; ls -d "$GT_SESSION_DIR"\n';
  await writeFile(join(bin, 'opencode'), stub, { mode: 0o755 });
  const control = await startControl(worker.url, { env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
  await makeWorktree(control.workspace, 'a');
  await control.start('a', { command: 'opencode' });
  const { exit } = await worker.call('exit');
  const config = join(control.workspace, 'home/rig/a/.config/gt/opencode.json');
  expect(exit.tail).toContain(`ran run --auto with ${config}`);
  expect(exit.tail).toContain('Your bead is bead-1');
  expect(exit.tail).toContain('"permission": "allow"');
  expect(exit.tail).toContain('home/rig/a/.local/share/gt/session\n');
  expect(exit.code).toBe(0);
});
