import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CommitId } from '../../../src/contract/ids.ts';

/**
 * One line of a polecat's diary, of one life of it. Times are in epoch milliseconds, stamped after the thing was done:
 *
 * - `arrived`: what was in its worktree when the life began: the commits of HEAD, the numbers in its draft file
 *   and in its checkpoint, 0 for none; `excused` is what its prime said of lost or set aside work;
 * - `drafted`: wrote number `n` into the draft file, uncommitted;
 * - `committed`, `pushed`: git had returned; `checkpointed`: `gt checkpoint` had;
 * - `alive`: it still runs;
 * - `finished`: `gt done` had returned.
 */
export const DiaryLine = z.intersection(
  z.object({ life: z.string(), pid: z.int(), at: z.int() }),
  z.discriminatedUnion('what', [
    z.object({
      what: z.literal('arrived'),
      commits: z.array(CommitId),
      draft: z.int(),
      checkpoint: z.int(),
      excused: z.array(z.string()),
    }),
    z.object({ what: z.literal('drafted'), n: z.int() }),
    z.object({ what: z.literal('committed'), commit: CommitId, n: z.int() }),
    z.object({ what: z.literal('pushed'), commit: CommitId }),
    z.object({ what: z.literal('checkpointed'), n: z.int() }),
    z.object({ what: z.literal('alive') }),
    z.object({ what: z.literal('finished') }),
  ]),
);
export type DiaryLine = z.infer<typeof DiaryLine>;

/** Adds a line to the diary of the agent with that key before it returns; the directory is outside the container's disk, so diaries outlive every kill. */
export function addLine(dir: string, key: string, line: DiaryLine): void {
  appendFileSync(diaryFile(dir, key), `${JSON.stringify(line)}\n`);
}

/** Everything that was written so far. Each line is one write of a few bytes, so a kill leaves no half of one. */
export function readDiary(dir: string, key: string): DiaryLine[] {
  const file = diaryFile(dir, key);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => DiaryLine.parse(JSON.parse(line)));
}

/** The file whose existence tells all polecats of a run to finish. */
export function gateFile(dir: string): string {
  return join(dir, 'finish');
}

function diaryFile(dir: string, key: string): string {
  return join(dir, `${key}.jsonl`);
}
