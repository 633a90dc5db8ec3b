import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import { type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { killContainer, openWorld, sling, untilRecovered } from './world.ts';
import type { World } from './world.ts';

/** A tool takes its time to start, most of all beside other tests. */
const TOOL_PATIENCE_MS = 90_000;

/** Where opencode is; without it for this machine there is nothing to test. */
const BIN = join(import.meta.dirname, `../../node_modules/opencode-${process.platform}-${process.arch}/bin`);

/** Commits, saves a checkpoint and is busy for long; once the prime has the checkpoint, it only ends its bead. */
const script: Parameters<typeof startScriptedModel>[0] = ({ called, answers }) => {
  const isBack = answers.split('\n')[0]?.includes('half-way') === true;
  const steps = [
    { tool: 'gt_gt_prime', input: {} },
    ...(isBack
      ? [{ tool: 'gt_gt_done', input: { summary: 'written by a scripted model' } }]
      : [
          {
            tool: 'bash',
            input: {
              command: 'echo hers > hers.txt; git add -A; git commit -qm hers',
              description: 'Commit',
            },
          },
          { tool: 'gt_gt_checkpoint', input: { data: { progress: 'half-way' } } },
          { tool: 'bash', input: { command: 'sleep 600', timeout: 600_000, description: 'Be busy' } },
        ]),
  ];
  return steps[called.length] ?? { words: 'Finished.' };
};

/** What an operator's setup lays down for opencode: where the model is. */
function setupOf(model: ScriptedModel): string {
  const provider = {
    npm: '@ai-sdk/openai-compatible',
    options: { baseURL: model.url, apiKey: 'none' },
    models: { scripted: {} },
  };
  const config = JSON.stringify({ model: 'local/scripted', provider: { local: provider } });
  return `mkdir -p ~/.config/opencode && echo '${config}' > ~/.config/opencode/opencode.json`;
}

describe.skipIf(!existsSync(BIN))('an agent that is opencode', () => {
  let world: World;
  let model: ScriptedModel;
  beforeAll(async () => {
    process.env['PATH'] = [BIN, process.env['PATH']].join(delimiter);
    model = await startScriptedModel(script);
    world = await openWorld();
  });
  afterAll(async () => {
    await world.close();
    await model.close();
  });

  it('goes on after its container was killed in mid-task, and finishes its bead', async () => {
    const town = world.town('tools');
    await town.call('PUT', '', { agentCommand: 'opencode', drainSeconds: 2 });
    const gitUrl = await createRepository(world.git, 'site', { from: import.meta.dirname });
    await town.call('PUT', '/rigs/site', { gitUrl, setupCommand: setupOf(model) });
    await sling(town, 'site', 'ada', 'bead');
    await until('the model has saved its checkpoint', TOOL_PATIENCE_MS, async () =>
      (await town.checkpoints('site', 'ada')).length > 0 ? true : null,
    );
    killContainer(world);
    await untilRecovered(town, 2);
    await until('the bead is finished', TOOL_PATIENCE_MS, async () =>
      (await town.agent('site', 'ada')).status === 'idle' ? true : null,
    );
    const { stdout: tip } = await execa({
      cwd: world.dir,
    })`git --git-dir git/site.git log --format=%s%n%an -1 gt/ada/bead`;
    expect(tip).toBe('hers\nada');
    expect(model.offered()).toEqual(
      expect.arrayContaining(['gt_gt_prime', 'gt_gt_checkpoint', 'gt_gt_done']),
    );
    await town.call('DELETE', '');
  }, 240_000);
});
