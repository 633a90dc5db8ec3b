import { getRequestListener } from '@hono/node-server';
import { CALLBACKS } from '../src/contract/callbacks.ts';
import { knownHostsFile } from './agents/places.ts';
import { Shells } from './agents/shells.ts';
import { Supervisor } from './agents/supervisor.ts';
import { cachedWorktrees } from './cache/cached-worktrees.ts';
import type { Config } from './config.ts';
import { removeLeftBundles } from './disk/clean-up.ts';
import { ErasedRigs } from './disk/erased-rigs.ts';
import { measureDisk, Room } from './disk/room.ts';
import type { Door } from './door.ts';
import { ownDir } from './git/layout.ts';
import { RemoteGuard } from './git/remote-guard.ts';
import { createGit } from './git/run-git.ts';
import { gitWorktrees } from './git-worktrees.ts';
import { Heartbeats } from './heartbeats.ts';
import { KnownSecrets } from './known-secrets.ts';
import { Lifecycle } from './lifecycle.ts';
import { configureLog, errorFacts, log } from './log.ts';
import { restoreRigWith, rigOwner } from './restore-rig.ts';
import { Restores } from './restores.ts';
import { controlRoutes } from './server.ts';
import { shutDown, surrender, type ShutdownParts } from './shutdown.ts';
import { Snapshots } from './snapshots/snapshots.ts';
import { Credentials } from './tools/credentials.ts';
import { Sockets } from './tools/sockets.ts';
import { SshKeys } from './tools/ssh-keys.ts';
import { Users } from './users/users.ts';
import { WorkerClient } from './worker-client.ts';

/** Which boot this is; named before anything else is loaded. */
export interface Boot {
  readonly bootId: string;
  readonly bootedAt: number;
}

/** The control server behind its door. */
export interface ControlServer {
  /** Shuts down in order; the process may exit afterwards. */
  shutDown(signal: NodeJS.Signals): Promise<void>;
}

/** Puts the control server together, lets the waiting calls in, and begins to talk to the Worker. */
export function openControlServer(config: Config, boot: Boot, door: Door): ControlServer {
  const secrets = new KnownSecrets([config.token]);
  const lifecycle = new Lifecycle(boot.bootId, boot.bootedAt);
  const { town } = config;
  configureLog(secrets, () => ({ town, bootId: lifecycle.bootId, generation: lifecycle.generation }));
  const worker = new WorkerClient({
    url: config.workerUrl,
    token: config.token,
    onRenewed: (token) => secrets.renew(token),
    onFenced: (error) => {
      surrender(parts, error.message);
      process.exit(0);
    },
  });
  const users = config.separateUsers ? new Users(config.workspace) : null;
  const sockets = new Sockets(config.workspace, boot.bootId, config.separateUsers);
  const shells = new Shells();
  const mark = config.mark === null ? {} : { RELIGHT_CONTAINER: config.mark };
  const keys = new SshKeys(sockets, { PATH: config.path, ...mark });
  const credentials = new Credentials({ worker, lifecycle, sockets, keys, secrets });
  const { workspace } = config;
  const git = createGit({
    workspace,
    users,
    credentials: (rig, home) =>
      credentials.has(rig)
        ? credentials.settings(rigOwner(rig), rig, knownHostsFile(home ?? ownDir(workspace, rig)))
        : null,
    onRefused: (rig) => credentials.refused(rig),
    guard: config.allowPrivateGit ? null : new RemoteGuard(),
  });
  const room = new Room(async () => await measureDisk(workspace));
  const hasCredential = (rig: string): boolean => credentials.has(rig);
  const onDisk = gitWorktrees({ git, workspace, hasCredential });
  const worktrees = cachedWorktrees(onDisk, { git, room, worker, lifecycle });
  const snapshots = new Snapshots({ git, worker, lifecycle, secrets, onRisk: () => heartbeats.soon() });
  const supervisor = new Supervisor(
    {
      town: config.town,
      config,
      users,
      git,
      worker,
      lifecycle,
      sockets,
      shells,
      credentials,
      worktrees,
      snapshots,
      secrets,
    },
    () => heartbeats.soon(),
  );
  const restoreParts = {
    config,
    users,
    worker,
    git,
    room,
    sockets,
    shells,
    supervisor,
    credentials,
    worktrees,
    snapshots,
  };
  const restores = new Restores(
    worker,
    async (rig, request, signal) => await restoreRigWith(restoreParts, rig, { request, signal }),
  );
  const heartbeats = new Heartbeats({
    worker,
    lifecycle,
    sightings: () => supervisor.sightings(),
    disk: async () => await room.look(),
    erasedRigs: new ErasedRigs({ workspace, restores, supervisor, snapshots }),
  });
  const { drainMs } = config;
  const { server } = door;
  const parts: ShutdownParts = {
    drainMs,
    lifecycle,
    supervisor,
    restores,
    snapshots,
    heartbeats,
    shells,
    sockets,
    keys,
    server,
  };

  process.on('exit', () => {
    shells.killAll();
    keys.endAll();
  });
  const app = controlRoutes({ ...config, worker, lifecycle, supervisor, restores, snapshots, secrets, room });
  door.admit(listenerOf(app.fetch));
  const { port, listeningMs } = door;
  const answeringMs = Math.round(performance.now());
  log.info('control.open', { town: config.town, bootId: boot.bootId, port, listeningMs, answeringMs });
  void announce(worker, lifecycle);
  void removeLeftBundles(workspace);
  void heartbeats.run();
  return { shutDown: async (signal) => await shutDown(parts, signal) };
}

/** Tells the Worker of this boot until it has heard. */
async function announce(worker: WorkerClient, lifecycle: Lifecycle): Promise<void> {
  const { bootId, bootedAt } = lifecycle;
  try {
    const standing = await worker.call(CALLBACKS.announce, { bootId, bootedAt }, { patience: 'stubborn' });
    worker.renew(standing.token);
    lifecycle.learn(standing.generation);
    log.info('control.announced', { bootId, generation: standing.generation });
  } catch (error) {
    // Only a stale life gets here, and then the process is on its way out.
    log.warn('control.announcement-ended', errorFacts(error));
  }
}

function listenerOf(fetch: Parameters<typeof getRequestListener>[0]): Parameters<Door['admit']>[0] {
  const listener = getRequestListener(fetch, { overrideGlobalObjects: false });
  return (request, response) => void listener(request, response);
}
