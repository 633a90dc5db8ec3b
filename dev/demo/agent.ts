import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A scripted agent. It works as the prompt asks: read prime, go on after the last checkpoint, and for each step commit,
 * push and save a checkpoint. It needs nothing but Node, git and gt, so that it runs in the image as well.
 */

const STEPS = Number(process.env['STEPS'] ?? 6);
const STEP_MS = Number(process.env['STEP_MS'] ?? 700);

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

/** Whether the branch has this step already: a crash between push and checkpoint leaves it so. */
function isCommitted(message: string): boolean {
  return run('git', 'log', '--format=%s', '--max-count', String(STEPS * 2))
    .split('\n')
    .includes(message);
}

async function work(agent: string, bead: string, step: number): Promise<void> {
  const message = `${bead}: step ${step}`;
  if (!isCommitted(message)) {
    await delay(STEP_MS); // What a real agent would spend on thinking.
    appendFileSync(`RELIGHT-${agent}.md`, `- step ${step} of ${bead}\n`);
    run('git', 'add', '--all');
    run('git', 'commit', '--quiet', '--message', message);
  }
  run('git', 'push', '--quiet', 'origin', 'HEAD');
  const head = run('git', 'rev-parse', 'HEAD');
  run('gt', 'checkpoint', JSON.stringify({ step, head }));
  console.log(`step ${step} of ${STEPS} is pushed as ${head.slice(0, 8)}`);
}

/** What of prime the script goes by; its `gt` is of the same release. */
interface Prime {
  readonly agent: string;
  readonly bead: { readonly id: string } | null;
  readonly checkpoint: { readonly data: { readonly step: number } } | null;
}

const { agent, bead, checkpoint }: Prime = JSON.parse(run('gt', 'prime', '--json'));
if (bead === null) throw new Error('no bead is hooked');
const first = (checkpoint?.data.step ?? 0) + 1;
console.log(first === 1 ? `starting ${bead.id}` : `going on with ${bead.id} at step ${first}`);
for (let step = first; step <= STEPS; step += 1) await work(agent, bead.id, step);
run('gt', 'done', '--summary', `all ${STEPS} steps`);
