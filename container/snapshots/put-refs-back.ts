import { join } from 'node:path';
import type { Git, GitCommand } from '../git/run-git.ts';
import { readIfThere } from '../git/worktree-marks.ts';
import { runNamed } from './named-git.ts';
import type { Place } from './place.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

interface Wanted {
  readonly branch: string;
  readonly meta: SnapshotMeta;
  readonly command: GitCommand;
}

/** Moves the branch to where it was, and HEAD to the branch or commit that it was on. Returns what could not be. */
export async function putRefsBack(
  git: Git,
  place: Place,
  { branch, meta, command }: Wanted,
): Promise<string[]> {
  const own = `refs/heads/${branch}`;
  const { head } = meta;
  await moveRef(git, place, {
    ref: own,
    to: meta.branchTip,
    from: await tipOf(git, place, own, command),
    command,
  });
  if (head.ref === null) {
    if (head.commit !== null) await detach(git, place, head.commit, command);
    return [];
  }
  if (head.ref !== own && head.commit !== null) {
    const from = await tipOf(git, place, head.ref, command);
    if (from !== null && from !== head.commit) {
      await detach(git, place, head.commit, command);
      return [`${head.ref} is at ${from} by now: HEAD was detached at ${head.commit}, where it had been`];
    }
    await moveRef(git, place, { ref: head.ref, to: head.commit, from, command });
  }
  if (readIfThere(join(place.admin, 'HEAD'))?.trim() === `ref: ${head.ref}`) return [];
  await runNamed(git, { gitDir: place.admin }, ['symbolic-ref', 'HEAD', head.ref], command);
  return [];
}

async function tipOf(git: Git, { repo }: Place, ref: string, command: GitCommand): Promise<string | null> {
  const input = `${ref}\n`;
  const answer = await runNamed(git, { gitDir: repo }, ['cat-file', '--batch-check'], {
    ...command,
    input,
  });
  return /^([0-9a-f]{40,64}) commit /.exec(answer)?.[1] ?? null;
}

/** Git refuses if the ref is not at `from` any more. */
async function moveRef(
  git: Git,
  { repo }: Place,
  { ref, to, from, command }: { ref: string; to: string | null; from: string | null; command: GitCommand },
): Promise<void> {
  if (to === from) return;
  const nothing = '0'.repeat((to ?? from ?? '').length);
  const line = to === null ? `delete ${ref} ${from}` : `update ${ref} ${to} ${from ?? nothing}`;
  const input = `start\n${line}\ncommit\n`;
  await runNamed(git, { gitDir: repo }, ['update-ref', '--stdin'], { ...command, input });
}

async function detach(git: Git, { admin }: Place, commit: string, command: GitCommand): Promise<void> {
  const input = `start\noption no-deref\nupdate HEAD ${commit}\ncommit\n`;
  await runNamed(git, { gitDir: admin }, ['update-ref', '--stdin'], { ...command, input });
}
