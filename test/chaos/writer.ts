import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { chooseAction } from './choose.ts';
import { passGate } from './gate.ts';
import { Journal } from './journal.ts';
import type { JournalLine } from './journal.ts';
import { perform } from './perform.ts';
import { between, randomFrom } from '../../dev/random.ts';

/**
 * A scripted agent that writes without end: `node writer.ts <directory> <seed>`. What it does it takes from its worktree;
 * in the directory, outside the container's disk, is only the journal of what it did, for the checker.
 */

const PAUSE_MS = { least: 20, most: 150 };

const [dir, seed] = z.tuple([z.string(), z.coerce.number().int()]).parse(process.argv.slice(2));
const agent = z.string().parse(process.env.GT_AGENT);

const journal = new Journal(dir, agent);
const random = randomFrom(seed + lastNumber(journal.read()) * 7919 + agent.charCodeAt(agent.length - 1));
const life = await passGate(dir, agent);
console.log(`life ${life} begins`);
for (let n = lastNumber(journal.read()) + 1; ; n += 1) {
  await act(n);
  await delay(between(random, PAUSE_MS.least, PAUSE_MS.most));
}

async function act(n: number): Promise<void> {
  const action = chooseAction(random, existsSync);
  journal.add({ what: 'begun', n, life, at: Date.now(), action });
  let commit: string | null = null;
  let failure: string | null = null;
  try {
    commit = await perform(n, action);
  } catch (error) {
    failure = String(error);
    console.error(failure);
  }
  journal.add({ what: 'ended', n, life, at: Date.now(), commit, failure });
}

function lastNumber(lines: readonly JournalLine[]): number {
  return lines.at(-1)?.n ?? 0;
}
