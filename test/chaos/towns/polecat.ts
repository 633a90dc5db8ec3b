import { execa } from 'execa';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { Prime } from '../../../src/contract/prime.ts';
import { between, oneOf, randomFrom } from '../../../dev/random.ts';
import { addLine, gateFile, readDiary } from './diary.ts';
import type { DiaryLine } from './diary.ts';

/**
 * A scripted agent that commits, pushes, checkpoints and leaves work uncommitted, until the gate is opened; then it
 * finishes its bead: `node polecat.ts <directory> <seed>`. What fails is tried again: it never gives up by itself.
 */

const DRAFT = 'draft.txt';
/** Enough work for every fault to meet some; afterwards it only changes its draft. */
const MAX_COMMITS = 4;
const PAUSE_MS = { least: 200, most: 900 };
const RETRY_MS = 400;

const [dir, seed] = z.tuple([z.string(), z.coerce.number().int()]).parse(process.argv.slice(2));
const key = `${z.string().parse(process.env.GT_RIG)}-${z.string().parse(process.env.GT_AGENT)}`;
const branch = z.string().parse(process.env.GT_BRANCH);
const life = randomUUID();
const former = readDiary(dir, key);
const random = randomFrom(seed + former.length * 7919);
let n = Math.max(0, ...former.map((line) => (line.what === 'drafted' ? line.n : 0)));
let commits = former.filter(({ what }) => what === 'committed').length;

type Entry = DiaryLine extends infer Line
  ? Line extends DiaryLine
    ? Omit<Line, 'life' | 'pid' | 'at'>
    : never
  : never;

function note(entry: Entry): void {
  addLine(dir, key, { ...entry, life, pid: process.pid, at: Date.now() });
}

/** Runs a command until it succeeds; `mend` is what to do in between. */
async function insist(command: string[], mend = async (): Promise<void> => undefined): Promise<void> {
  for (;;) {
    const [file = '', ...args] = command;
    const { exitCode, stderr } = await execa(file, args, { reject: false });
    if (exitCode === 0) return;
    console.error(`${command.join(' ')}: ${stderr}`);
    await delay(RETRY_MS);
    await mend();
  }
}

async function head(): Promise<string> {
  return (await execa`git rev-parse HEAD`).stdout;
}

function draft(): void {
  n += 1;
  writeFileSync(DRAFT, `${n}\n`);
  note({ what: 'drafted', n });
}

async function commit(): Promise<void> {
  const own = n;
  await insist(['git', 'add', '--all']);
  await insist(['git', 'commit', '--quiet', '--allow-empty', '--message', `draft ${own}`]);
  commits += 1;
  note({ what: 'committed', commit: await head(), n: own });
}

async function checkpoint(): Promise<void> {
  const own = n;
  await insist(['gt', 'checkpoint', JSON.stringify({ n: own })]);
  note({ what: 'checkpointed', n: own });
}

/** Somebody else may have pushed onto the branch: that is merged. */
async function push(): Promise<void> {
  await insist(['git', 'push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`], merge);
  note({ what: 'pushed', commit: await head() });
}

async function merge(): Promise<void> {
  await execa({ reject: false })`git pull --quiet --no-rebase --no-edit origin ${branch}`;
}

async function finish(): Promise<void> {
  await commit();
  await push();
  await insist(['gt', 'done', '--summary', `draft ${n}`], async () => {
    await merge();
    await execa({ reject: false })`git commit --all --quiet --message late`;
  });
  note({ what: 'finished' });
}

async function arrive(): Promise<void> {
  const { stdout } = await execa`gt prime --json`;
  const { recovered, checkpoint: last } = Prime.parse(JSON.parse(stdout));
  const report = recovered?.report;
  const excused = [
    ...(report?.lost ?? []),
    ...(report?.warnings ?? []),
    ...(report?.snapshot === 'conflict' ? ['conflict'] : []),
  ];
  const { stdout: log } = await execa`git rev-list HEAD`;
  const found = existsSync(DRAFT) ? Number(readFileSync(DRAFT, 'utf8')) : 0;
  const { n: checkpoint } = z.object({ n: z.int() }).parse(last?.data ?? { n: 0 });
  note({ what: 'arrived', commits: log.split('\n'), draft: found, checkpoint, excused });
}

for (;;) {
  try {
    await arrive();
    break;
  } catch (error) {
    console.error(error);
    await delay(RETRY_MS);
  }
}
setInterval(() => note({ what: 'alive' }), 250).unref();
while (!existsSync(gateFile(dir))) {
  try {
    draft();
    const next = oneOf(random, ['draft', 'commit', 'push', 'checkpoint']);
    const more = commits < MAX_COMMITS;
    if (next !== 'draft' && more) await commit();
    if (next === 'push' && more) await push();
    if (next === 'checkpoint' && more) await checkpoint();
  } catch (error) {
    console.error(error); // Such as a full disk: what cannot be done now is done later.
  }
  await delay(between(random, PAUSE_MS.least, PAUSE_MS.most));
}
draft();
await finish();
process.exit(0);
