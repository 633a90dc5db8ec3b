import { execa } from 'execa';
import { appendFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

/**
 * A scripted agent. It works as the prompt asks: read prime, go on after the last checkpoint, and for each step commit,
 * push and save a checkpoint.
 */

const { STEPS, STEP_MS } = z
  .object({ STEPS: z.coerce.number().default(6), STEP_MS: z.coerce.number().default(700) })
  .parse({ STEPS: process.argv[2], STEP_MS: process.argv[3] });

const Prime = z.object({
  agent: z.string(),
  bead: z.object({ id: z.string() }).nullable(),
  checkpoint: z.object({ data: z.object({ step: z.number() }) }).nullable(),
});

const run = execa({ stderr: 'inherit' });

/** Whether the branch has this step already: a crash between push and checkpoint leaves it so. */
async function isCommitted(message: string): Promise<boolean> {
  const { stdout } = await run`git log --format=%s --max-count ${STEPS * 2}`;
  return stdout.split('\n').includes(message);
}

async function work(agent: string, bead: string, step: number): Promise<void> {
  const message = `${bead}: step ${step}`;
  if (!(await isCommitted(message))) {
    await delay(STEP_MS); // What a real agent would spend on thinking.
    await appendFile(`RELIGHT-${agent}.md`, `- step ${step} of ${bead}\n`);
    await run`git add --all`;
    await run`git commit --quiet --message ${message}`;
  }
  await run`git push --quiet origin HEAD`;
  const { stdout: head } = await run`git rev-parse HEAD`;
  await run`gt checkpoint ${JSON.stringify({ step, head })}`;
  console.log(`step ${step} of ${STEPS} is pushed as ${head.slice(0, 8)}`);
}

const { stdout } = await run`gt prime --json`;
const { agent, bead, checkpoint } = Prime.parse(JSON.parse(stdout));
if (bead === null) throw new Error('no bead is hooked');
const first = (checkpoint?.data.step ?? 0) + 1;
console.log(first === 1 ? `starting ${bead.id}` : `going on with ${bead.id} at step ${first}`);
for (let step = first; step <= STEPS; step += 1) await work(agent, bead.id, step);
await run`gt done --summary ${`all ${STEPS} steps`}`;
