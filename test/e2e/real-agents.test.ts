import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { type Conversation, type Saying, type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { killContainer, openWorld, sling, untilRecovered } from './world.ts';
import type { World } from './world.ts';

/** A tool takes its time to start: ten seconds of a processor, and a multiple of it beside other tests. */
const TOOL_PATIENCE_MS = 150_000;

const TOOLS = ['opencode', 'kilo'] as const;
type Tool = (typeof TOOLS)[number];

/** The tools' programs below node_modules. Each system has packages of its own; those for Linux on x64 are installed. */
const PROGRAMS: Readonly<Record<Tool, string>> = {
  opencode: `opencode-${process.platform}-${process.arch}/bin/opencode`,
  kilo: `@kilocode/cli-${process.platform}-${process.arch}/bin/kilo`,
};

/** What starts the programs, which are linked with glibc: Alpine has none. */
const LOADER = '/lib64/ld-linux-x86-64.so.2';

function pathOf(tool: Tool): string {
  return join(import.meta.dirname, '../../node_modules', PROGRAMS[tool]);
}

/** Why the tool cannot be run on this machine, as a sentence; null where it can. */
function absenceOf(tool: Tool): string | null {
  const missing = [pathOf(tool), LOADER].find((path) => !existsSync(path));
  if (missing === undefined) return null;
  return `${tool} was not tested: this machine (${process.platform} on ${process.arch}) has no ${missing}`;
}

/** Commits, saves a checkpoint and is busy for long; once prime has that checkpoint, commits the rest and ends its bead. */
function script({ called, answers }: Conversation): Saying {
  const isBack = answers[0]?.includes('half-way') === true;
  const steps: Saying[] = isBack
    ? [...commit('second'), { tool: 'gt_gt_done', input: { summary: 'written by a scripted model' } }]
    : [
        ...commit('first'),
        { tool: 'gt_gt_checkpoint', input: { data: { progress: 'half-way' } } },
        { tool: 'bash', input: { command: 'sleep 600', timeout: 600_000, description: 'Be busy' } },
      ];
  const prime = { tool: 'gt_gt_prime', input: {} };
  return [prime, ...steps][called.length] ?? { words: 'Finished.' };
}

/** The calls that make a file with the tool's own editor, and commit it under its name where the shell finds `gt`. */
function commit(name: string): Saying[] {
  const command = `gt status && git add ${name} && git commit --quiet --message ${name}`;
  return [
    { tool: 'edit', input: { filePath: name, oldString: '', newString: `${name}\n` } },
    { tool: 'bash', input: { command, description: 'Commit' } },
  ];
}

/** What an operator's setup lays down for a tool: where the model is. */
function setupOf(tool: Tool, model: ScriptedModel): string {
  const provider = {
    npm: '@ai-sdk/openai-compatible',
    options: { baseURL: model.url, apiKey: 'none' },
    models: { scripted: {} },
  };
  const config = JSON.stringify({ model: 'local/scripted', provider: { local: provider } });
  return `mkdir -p ~/.config/${tool} && echo '${config}' > ~/.config/${tool}/${tool}.json`;
}

describe('real agents', () => {
  let world: World;
  beforeAll(async () => {
    process.env['PATH'] = [...TOOLS.map((tool) => dirname(pathOf(tool))), process.env['PATH']].join(
      delimiter,
    );
    world = await openWorld();
  });
  afterAll(async () => await world.close());

  const limits = { timeout: 3 * TOOL_PATIENCE_MS };
  it.for(TOOLS)(
    '%s goes on after a SIGKILL in mid-task, and finishes its bead',
    limits,
    async (tool, { skip }) => {
      const absence = absenceOf(tool);
      if (absence !== null) skip(absence);
      const model = await startScriptedModel(script);
      onTestFinished(async () => await model.close());
      const town = world.town(`of-${tool}`);
      await town.call('PUT', '', { agentCommand: tool, drainSeconds: 2 });
      onTestFinished(async () => void (await town.call('DELETE', '')));
      const gitUrl = await createRepository(world.git, tool, { from: import.meta.dirname });
      await town.call('PUT', '/rigs/site', { gitUrl, setupCommand: setupOf(tool, model) });
      await sling(town, 'site', 'ada', 'bead');
      await until('a checkpoint and a snapshot are stored', TOOL_PATIENCE_MS, async () =>
        (await town.checkpoints('site', 'ada')).length > 0 &&
        (await town.agent('site', 'ada')).snapshot !== null
          ? true
          : null,
      );
      killContainer(world);
      await untilRecovered(town, 2);
      await until('the bead is finished', TOOL_PATIENCE_MS, async () =>
        (await town.agent('site', 'ada')).status === 'idle' ? true : null,
      );
      const log = await execa('git', ['log', '--format=%s by %an', '-2', 'gt/ada/bead'], {
        env: { GIT_DIR: join(world.dir, 'git', `${tool}.git`) },
      });
      expect(log.stdout).toBe('second by ada\nfirst by ada');
      // Once before the kill and once after it: the tool went on with the conversation that it was in.
      expect(model.called().filter((name) => name === 'gt_gt_prime')).toHaveLength(2);
      expect(model.offered()).toEqual(
        expect.arrayContaining(['gt_gt_prime', 'gt_gt_checkpoint', 'gt_gt_done']),
      );
    },
  );
});
