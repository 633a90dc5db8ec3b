import { execa } from 'execa';
import getPort from 'get-port';
import pLimit from 'p-limit';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from '../../../dev/engine/life.ts';
import { openWorld } from '../../e2e/world.ts';
import type { World } from '../../e2e/world.ts';
import { Proxy } from '../proxy.ts';
import type { Meddling } from '../proxy.ts';
import { PastCalls } from './past-calls.ts';

const CONTROL_SERVER = fileURLToPath(new URL('../../../container/main.ts', import.meta.url));
const PRELOAD = new URL('clock-preload.ts', import.meta.url);

/** The size of the container's workspace where it can be mounted: a few towns' repositories, and soon full. */
const WORKSPACE_BYTES = 128 * 1024 * 1024;

/** So long nobody misses a container that nothing renews; longer than heartbeats stay away in any fault but a wedge. */
export const SLEEP_AFTER_MS = 20_000;

/** What agents are given where the git server asks who they are, as it does in some faults. It must not turn up anywhere. */
export const GIT_PASSWORD = 'chaos-password-7f3a';

/** Who meddles at present with what passes at one place; null for nobody. */
export interface Place {
  meddling: Meddling | null;
}

/** A world in which everything between its parts can be meddled with. */
export interface Arena {
  readonly world: World;
  /** What the Worker asks of containers. */
  readonly control: Place;
  /** What containers ask of the Worker. */
  readonly callbacks: Place;
  /** What containers have asked of the Worker, by boot. */
  readonly past: PastCalls;
  /** Why a container's disk cannot be filled on this machine; null where it can. */
  readonly noDisk: string | null;
  /** Ends the Worker by that signal, and starts it again on the same state. One restart at a time. */
  restartWorker(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Sets how far the clock of control servers is ahead, in milliseconds. */
  setClock(aheadMs: number): Promise<void>;
  /** Where a process of a container sees its workspace; null before there is one. */
  workspaceOf(pid: number, dir: string): Promise<string | null>;
  close(): Promise<void>;
}

/** Opens a world with all seams. */
export async function openArena(): Promise<Arena> {
  const dir = await mkdtemp(join(tmpdir(), 'relight-arena-'));
  const clock = join(dir, 'clock');
  await writeFile(clock, '0');
  const noDisk = await whyNoMounts(dir);
  const port = await getPort();
  const control: Place = { meddling: null };
  const callbacks: Place = { meddling: null };
  const past = new PastCalls();
  const toWorker = await Proxy.open(
    port,
    () => callbacks.meddling,
    (call) => past.note(call),
  );
  past.sender = (call) => toWorker.forward(call);
  const toControl = new Map<number, Promise<Proxy>>();
  const detour = async (target: number): Promise<number> => {
    const proxy = toControl.get(target) ?? Proxy.open(target, () => control.meddling);
    toControl.set(target, proxy);
    return (await proxy).port;
  };
  const world = await openWorld({
    port,
    secrets: { GIT_CREDENTIAL_CHAOS: GIT_PASSWORD },
    vars: { RELIGHT_URL: `http://127.0.0.1:${toWorker.port}`, SLEEP_AFTER: `${SLEEP_AFTER_MS / 1000}s` },
    seams: { command: () => commandWith(clock, noDisk === null), detour },
  });
  const oneAtATime = pLimit(1);
  return {
    world,
    control,
    callbacks,
    past,
    noDisk,
    restartWorker: (signal) => oneAtATime(() => world.relight.restartWorker(signal)),
    setClock: (aheadMs) => writeFile(clock, String(aheadMs)),
    workspaceOf: async (pid, disk) => {
      const workspace = join('/proc', String(pid), 'root', disk, 'workspace');
      const isMounted = noDisk === null && (await statfs(workspace)).type === TMPFS_MAGIC;
      return isMounted ? workspace : null;
    },
    close: async () => {
      await world.close();
      await toWorker.close();
      for (const proxy of toControl.values()) await (await proxy).close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Of statfs(2). */
const TMPFS_MAGIC = 0x01021994;

const MOUNT = `mount -t tmpfs -o size=${WORKSPACE_BYTES} tmpfs "$WORKSPACE" && exec "$@"`;
const UNSHARE = ['--mount', '--propagation', 'private', 'sh', '-c', MOUNT, 'sh'];

/** The control server with a clock of its own and, in a mount namespace that ends with it, a small disk. */
function commandWith(clock: string, small: boolean): Command {
  const preload = new URL(PRELOAD);
  preload.searchParams.set('file', clock);
  const node = [process.execPath, '--import', preload.href, CONTROL_SERVER];
  const [file = '', ...args] = small ? ['unshare', ...UNSHARE, ...node] : node;
  return { file, args };
}

async function whyNoMounts(dir: string): Promise<string | null> {
  if (process.platform !== 'linux') return 'a disk of its own needs mount namespaces, which only Linux has';
  const { failed, stderr } = await execa('unshare', [...UNSHARE, 'true'], {
    env: { WORKSPACE: dir },
    reject: false,
  });
  return failed ? `a tmpfs cannot be mounted here: ${stderr || 'there is no unshare'}` : null;
}
