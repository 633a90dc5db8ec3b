import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BranchName } from '../../src/contract/git-names.ts';
import { Id } from '../../src/contract/ids.ts';

/** Written into a worktree's admin folder before an agent can be started in it: without it there is no agent work. */
export const ReadyMark = z.object({ branch: BranchName, bead: Id, baseBranch: BranchName.nullable() });
export type ReadyMark = z.infer<typeof ReadyMark>;

const READY = 'relight-ready';
const SETUP_OWED = 'relight-setup-owed';
const MAKING = 'relight-making';

/** The file's text, or null where there is no such file; any other trouble throws. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** Whether a file system error says that the path does not exist. */
export function isAbsence(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Writes a file so that a reader sees the old text or the new one, never a part. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** The mark of a finished worktree; `unreadable` is a mark that is there but damaged; null is none. */
export async function readReadyMark(admin: string): Promise<ReadyMark | 'unreadable' | null> {
  const text = await readIfThere(join(admin, READY));
  if (text === null) return null;
  try {
    return ReadyMark.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return 'unreadable';
    throw error;
  }
}

/** Says of a worktree that it is finished: from now on it is never thrown away. */
export async function writeReadyMark(admin: string, mark: ReadyMark): Promise<void> {
  await writeWhole(join(admin, READY), `${JSON.stringify(mark)}\n`);
}

/** Takes the mark back from a worktree that is to be thrown away. */
export async function removeReadyMark(admin: string): Promise<void> {
  await rm(join(admin, READY), { force: true });
}

/** Whether the rig's setup command has still to run in this worktree. */
export async function isSetupOwed(admin: string): Promise<boolean> {
  return (await readIfThere(join(admin, SETUP_OWED))) !== null;
}

/** Notes that the setup command has to run, or that it has. */
export async function markSetup(admin: string, state: 'owed' | 'done'): Promise<void> {
  const path = join(admin, SETUP_OWED);
  await (state === 'owed' ? writeFile(path, '') : rm(path, { force: true }));
}

/** Notes, before anything is made or removed, that an agent's worktree folder is ours to throw away. */
export async function beginMaking(repo: string, agent: string): Promise<void> {
  await mkdir(join(repo, MAKING), { recursive: true });
  await writeFile(join(repo, MAKING, agent), '');
}

/** Takes the note back: the worktree is finished, or gone. */
export async function endMaking(repo: string, agent: string): Promise<void> {
  await rm(join(repo, MAKING, agent), { force: true });
}

/** Whether the making of an agent's worktree was begun and not finished. */
export async function isMaking(repo: string, agent: string): Promise<boolean> {
  return (await readIfThere(join(repo, MAKING, agent))) !== null;
}
