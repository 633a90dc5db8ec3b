import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Shells } from './agents/shells.ts';
import type { Supervisor } from './agents/supervisor.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { Lifecycle } from './lifecycle.ts';
import { errorFacts, log } from './log.ts';
import type { Restores } from './restores.ts';
import type { Snapshots } from './snapshots/snapshots.ts';
import type { Sockets } from './tools/sockets.ts';
import type { SshKeys } from './tools/ssh-keys.ts';

const AGENTS_GRACE_MS = 3_000;
/** For each of the two rounds; a bundle of the usual size takes well under a second. */
const SNAPSHOTS_MS = 60_000;
const EXITS_TAKEN_MS = 5_000;
const LAST_BEAT_MS = 2_000;
const CLOSE_MS = 1_000;

/** What has to be ended. */
export interface ShutdownParts {
  readonly drainMs: number;
  readonly lifecycle: Lifecycle;
  readonly supervisor: Supervisor;
  readonly restores: Restores;
  readonly snapshots: Snapshots;
  readonly heartbeats: Heartbeats;
  readonly shells: Shells;
  readonly sockets: Sockets;
  readonly keys: SshKeys;
  readonly server: Server;
}

/** Ends everything in order. Each step has a deadline of its own, and none can keep the next from running. */
export async function shutDown(parts: ShutdownParts, signal: NodeJS.Signals): Promise<void> {
  const { drainMs, lifecycle, supervisor, restores, snapshots, heartbeats, shells, sockets, keys, server } =
    parts;
  const began = performance.now();
  log.info('control.shutting-down', { signal, agents: supervisor.liveCount });
  lifecycle.drain();
  restores.abort();
  // Before any agent is asked to stop: from here on the platform may lose patience at any time.
  await within(SNAPSHOTS_MS, 'snapshots', async () => await snapshots.all());
  await within(drainMs + AGENTS_GRACE_MS, 'agents', async () => await supervisor.stopAll());
  shells.killAll();
  // Again, of what the agents wrote while they stopped.
  await within(SNAPSHOTS_MS, 'last snapshots', async () => await snapshots.all());
  snapshots.stop();
  await within(EXITS_TAKEN_MS, 'exits', async () => await supervisor.exitsTaken());
  heartbeats.stop();
  await within(LAST_BEAT_MS, 'heartbeat', async () => await heartbeats.beat());
  keys.endAll();
  sockets.removeAll();
  await within(CLOSE_MS, 'server', async () => await closed(server));
  log.info('control.ended', { signal, ms: Math.round(performance.now() - began) });
}

/** Ends a life that another has taken over from: agents are killed, and the Worker hears nothing more. */
export function surrender({ shells, sockets, keys }: ShutdownParts, reason: string): void {
  log.warn('control.fenced', { reason });
  shells.killAll();
  keys.endAll();
  sockets.removeAll();
}

async function within(ms: number, step: string, work: () => Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = async (): Promise<void> => {
    await delay(ms, undefined, { signal: timer.signal });
    log.warn('shutdown.step-overdue', { step, ms });
  };
  try {
    await Promise.race([work(), late()]);
  } catch (error) {
    log.error('shutdown.step-failed', { step, ...errorFacts(error) });
  } finally {
    timer.abort();
  }
}

async function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await done;
}
