import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from './error-code.ts';

/** Name of the environment variable that marks every process of a container; its value is `<rootDir>/<directory>`. */
export const MARK = 'RELIGHT_CONTAINER';

const SWEEP_LIMIT_MS = 5_000;
const SWEEP_PAUSE_MS = 15;

/**
 * Finds the live processes of a container: those whose environment at exec had the mark, and their descendants, since
 * a program may have been started with an emptied environment or have overwritten its own.
 *
 * A mark that ends in `/` stands for every mark below it. Linux only (proc(5): `/proc/<pid>/environ`, `/proc/<pid>/stat`);
 * elsewhere the answer is empty and a container's process group is all that can be ended.
 */
export function findMarked(mark: string): number[] {
  if (process.platform !== 'linux') return [];
  // Read synchronously: the closer the readings are to one instant, the fewer forks slip between them.
  const children = new Map<number, number[]>();
  const found: number[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const parent = parentOf(pid);
    if (parent === null) continue;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
    if (isMarked(pid, mark)) found.push(pid);
  }
  const all = new Set<number>();
  for (let pid = found.pop(); pid !== undefined; pid = found.pop()) {
    if (all.has(pid) || pid === process.pid) continue;
    all.add(pid);
    found.push(...(children.get(pid) ?? []));
  }
  return [...all];
}

/**
 * Kills (SIGKILL) every process with the mark, again and again until two looks in a row find none; gives the processes
 * that are still there after five seconds (uninterruptible sleep), which is almost always none.
 */
export async function killMarked(mark: string): Promise<number[]> {
  const deadline = Date.now() + SWEEP_LIMIT_MS;
  let quietLooks = 0;
  for (;;) {
    const pids = findMarked(mark);
    for (const pid of pids) sendSignal(pid, 'SIGKILL');
    quietLooks = pids.length === 0 ? quietLooks + 1 : 0;
    if (quietLooks === 2 || process.platform !== 'linux') return [];
    if (Date.now() > deadline) return pids;
    // A process shows no environment for a moment while it execs: hence the second look.
    await delay(SWEEP_PAUSE_MS);
  }
}

/**
 * Sends a signal to a process, or to a process group when the number is negative (kill(2)).
 * Answers false when there is no such process any more.
 */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    // macOS answers EPERM for a group that has only zombies left.
    if (hasCode(error, 'EPERM') && pid < 0) return false;
    throw error;
  }
}

function isMarked(pid: number, mark: string): boolean {
  const environ = readProc(pid, 'environ');
  if (environ === null) return false;
  const wanted = `${MARK}=${mark}`;
  const prefix = mark.endsWith('/');
  return environ.split('\0').some((entry) => (prefix ? entry.startsWith(wanted) : entry === wanted));
}

/** The parent's pid, or null for a process that is gone or a zombie: a zombie cannot be killed, only collected. */
function parentOf(pid: number): number | null {
  const stat = readProc(pid, 'stat');
  if (stat === null) return null;
  // The program's name, in parentheses, may hold anything: the fields begin after the last one.
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? null : Number(parent);
}

function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, 'utf8');
  } catch (error) {
    // Gone meanwhile, or another user's: in neither case one of ours.
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return null;
    throw error;
  }
}
