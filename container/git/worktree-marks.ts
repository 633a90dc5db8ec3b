import { join } from 'node:path';
import { z } from 'zod';
import { BranchName } from '../../src/contract/git-names.ts';
import { Id } from '../../src/contract/ids.ts';
import { bytesOf } from '../files/read.ts';
import { makeFolder, removeFile, writeWhole } from '../files/write.ts';

/** Written into a worktree's admin folder before an agent can be started in it: without it there is no agent work. */
export const ReadyMark = z.object({ branch: BranchName, bead: Id, baseBranch: BranchName.nullable() });
export type ReadyMark = z.infer<typeof ReadyMark>;

const READY = 'relight-ready';
const SETUP_OWED = 'relight-setup-owed';
const MAKING = 'relight-making';

/** The file's text, or null where there is no such file; any other trouble throws. */
export function readIfThere(path: string): string | null {
  return bytesOf(path)?.toString() ?? null;
}

/** Whether a file system error says that the path does not exist. */
export function isAbsence(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The mark of a finished worktree; `unreadable` is a mark that is there but damaged; null is none. */
export function readReadyMark(admin: string): ReadyMark | 'unreadable' | null {
  const text = readIfThere(join(admin, READY));
  if (text === null) return null;
  try {
    return ReadyMark.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return 'unreadable';
    throw error;
  }
}

/** Says of a worktree that it is finished: from now on it is never thrown away. */
export function writeReadyMark(admin: string, mark: ReadyMark): void {
  writeWhole(join(admin, READY), `${JSON.stringify(mark)}\n`);
}

/** Takes the mark back from a worktree that is to be thrown away. */
export function removeReadyMark(admin: string): void {
  removeFile(join(admin, READY));
}

/** Whether the rig's setup command has still to run in this worktree. */
export function isSetupOwed(admin: string): boolean {
  return readIfThere(join(admin, SETUP_OWED)) !== null;
}

/** Notes that the setup command has to run, or that it has. */
export function markSetup(admin: string, state: 'owed' | 'done'): void {
  const path = join(admin, SETUP_OWED);
  if (state === 'owed') writeWhole(path, '');
  else removeFile(path);
}

/** Notes, before anything is made or removed, that an agent's worktree folder is ours to throw away. */
export function beginMaking(repo: string, agent: string): void {
  makeFolder(join(repo, MAKING));
  writeWhole(join(repo, MAKING, agent), '');
}

/** Takes the note back: the worktree is finished, or gone. */
export function endMaking(repo: string, agent: string): void {
  removeFile(join(repo, MAKING, agent));
}

/** Whether the making of an agent's worktree was begun and not finished. */
export function isMaking(repo: string, agent: string): boolean {
  return readIfThere(join(repo, MAKING, agent)) !== null;
}
