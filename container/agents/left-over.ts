import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { log } from '../log.ts';

/** The variable that all processes of one run have, unless they took it out. */
export const MARK = 'GT_RUN';

/** Whose processes are left over: all of a user that runs nothing else, or those with the mark of a run. */
export type Whose = { readonly uid: number } | { readonly mark: string };

/** A process that is killed is seen until its parent has heard of it. */
const LOOK_MS = 5;
const LOOKS = 400;

/**
 * Kills processes that left the group of their run, until none is seen any more. Git that the control server itself
 * runs as the same user is not touched. Does nothing where the system does not tell about processes (no `/proc`).
 */
export async function killLeftOver(whose: Whose): Promise<void> {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const pids = findLeftOver(whose);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
    await pause(LOOK_MS);
  }
  log.warn('shell.left-over', { pids: findLeftOver(whose) });
}

function findLeftOver(whose: Whose): number[] {
  const all = new Map(pidsHere().flatMap((pid) => entryOf(pid)));
  const isOurs = (pid: number): boolean => {
    for (let parent = all.get(pid)?.parent; parent !== undefined; parent = all.get(parent)?.parent)
      if (parent === process.pid) return true;
    return false;
  };
  return [...all].flatMap(([pid, { uid }]) => {
    const left = 'uid' in whose ? uid === whose.uid && !isOurs(pid) : hasMark(pid, whose.mark);
    return left ? [pid] : [];
  });
}

/** proc_pid_status(5): who runs a process and who started it. Zombies are none. */
function entryOf(pid: number): [number, { uid: number; parent: number }][] {
  const status = read(`/proc/${pid}/status`);
  const [, state, parent, uid] = /^State:\t(.)[^]*^PPid:\t(\d+)$[^]*^Uid:\t(\d+)/m.exec(status) ?? [];
  return state === undefined || state === 'Z' ? [] : [[pid, { uid: Number(uid), parent: Number(parent) }]];
}

function hasMark(pid: number, mark: string): boolean {
  return read(`/proc/${pid}/environ`).split('\0').includes(`${MARK}=${mark}`);
}

function pidsHere(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** Empty for a process that has ended, or is none of ours. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
