import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGitServer } from '../../../dev/git-server/git-server.ts';
import type { GitServer } from '../../../dev/git-server/git-server.ts';
import { createGit } from '../../../container/git/run-git.ts';
import { Lifecycle } from '../../../container/lifecycle.ts';
import type { Captured } from '../../../container/snapshots/capture.ts';
import { GitStore } from '../../../container/snapshots/git-store.ts';
import type { SnapshotOffer } from '../../../src/contract/snapshot.ts';
import { AGENT, agentGit, git, RIG, SnapshotScene, write } from './snapshot-scene.ts';
import type { Life } from './snapshot-scene.ts';

const HOME = 'town.k3';
const POLICY = {
  store: 'git',
  refSpace: 'private',
  home: HOME,
  intervalSeconds: 10,
  maxFileBytes: 1e6,
} as const;
const PRIVATE = `refs/gastown/wip/${RIG}/${AGENT}/${HOME}`;

let scene: SnapshotScene;
let server: GitServer;
let life: Life;
let recorded: SnapshotOffer[];
let superfluous: string[];

beforeEach(async () => {
  scene = new SnapshotScene();
  server = await startGitServer({ rootDir: scene.root });
  agentGit(scene.remote, 'config', 'http.receivepack', 'true');
  life = await connected();
  recorded = [];
  superfluous = [];
});
afterEach(async () => {
  await server.close();
  scene.remove();
});

/** A new container, whose repository knows the remote by its URL. */
async function connected(): Promise<Life> {
  const next = await scene.begin();
  agentGit(next.repo, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
  return next;
}

function storeOf({ git }: Pick<Life, 'git'>, generation = 1): GitStore {
  const lifecycle = new Lifecycle('0'.repeat(32), 1);
  lifecycle.learn(generation);
  return new GitStore({
    git,
    lifecycle,
    record: async (offer) => {
      recorded.push(offer);
      return await Promise.resolve({ superfluous });
    },
  });
}

/** What the remote has, by ref, but for its branch main. */
function onRemote(): Map<string, string> {
  const lines = agentGit(scene.remote, 'for-each-ref', '--format=%(refname) %(objectname)')
    .trim()
    .split('\n');
  const refs = lines.map((line): [string, string] => [line.split(' ')[0] ?? '', line.split(' ')[1] ?? '']);
  return new Map(refs.filter(([ref]) => ref !== 'refs/heads/main'));
}

function pushes(): number {
  return server.requests.filter(({ service, step }) => service === 'git-receive-pack' && step === 'transfer')
    .length;
}

/** Further agents' snapshots: the same capture under other names. */
async function capturedAs(agent: string): Promise<Captured> {
  const captured = await life.captured({ agent });
  return captured;
}

test('a snapshot is recorded under the ref where the remote has it', async () => {
  write(life.dir, { 'new.txt': 'new\n' });
  const captured = await life.captured();
  await storeOf(life).store(captured, POLICY);
  expect(onRemote()).toEqual(new Map([[`${PRIVATE}.1`, captured.commit]]));
  const [offer] = recorded;
  expect(offer?.snapshot).toMatchObject({ store: 'git', place: `${PRIVATE}.1`, files: 3, bytes: null });
});

test('the snapshots of agents that come while a push is under way share the next one', async () => {
  write(life.dir, { 'new.txt': 'new\n' });
  const all = await Promise.all(['ada', 'ben', 'cyd', 'dot'].map(capturedAs));
  const store = storeOf(life);
  await Promise.all(all.map(async (captured) => await store.store(captured, POLICY)));
  expect(onRemote().size).toBe(4);
  expect(pushes()).toBe(2);
});

test('each snapshot takes the place of the one before, and of no other generation', async () => {
  const store = storeOf(life);
  for (const [seq, text] of ['one', 'two'].entries()) {
    write(life.dir, { 'new.txt': text });
    await store.store(await life.captured({ seq: seq + 1 }), POLICY);
  }
  write(life.dir, { 'new.txt': 'three' });
  await storeOf(life, 2).store(await life.captured({ seq: 3, generation: 2 }), POLICY);
  expect([...onRemote().keys()]).toEqual([`${PRIVATE}.1`, `${PRIVATE}.2`]);
});

test('what a newer snapshot makes superfluous is deleted from the remote', async () => {
  write(life.dir, { 'new.txt': 'new\n' });
  await storeOf(life).store(await life.captured(), POLICY);
  superfluous = [`${PRIVATE}.1`, `${PRIVATE}.99`];
  await storeOf(life, 2).store(await life.captured({ seq: 2, generation: 2 }), POLICY);
  await expect.poll(() => [...onRemote().keys()]).toEqual([`${PRIVATE}.2`]);
});

test('a server that takes no refs of their own gets branches, and is not asked again', async () => {
  agentGit(scene.remote, 'config', 'receive.hideRefs', 'refs/gastown');
  const store = storeOf(life);
  for (const [seq, text] of ['one', 'two'].entries()) {
    write(life.dir, { 'new.txt': text });
    await store.store(await life.captured({ seq: seq + 1 }), POLICY);
  }
  const branch = `refs/heads/gastown-wip/${RIG}/${AGENT}/${HOME}.1`;
  expect([...onRemote().keys()]).toEqual([branch]);
  expect(recorded.map(({ snapshot }) => snapshot.place)).toEqual([branch, branch]);
  // git takes back a push of refs that the server hides before it sends anything.
  expect(pushes()).toBe(3);
});

test('a server that takes neither is told as the reason, and nothing is recorded', async () => {
  agentGit(scene.remote, 'config', '--add', 'receive.hideRefs', 'refs/gastown');
  agentGit(scene.remote, 'config', '--add', 'receive.hideRefs', 'refs/heads/gastown-wip');
  const stored = storeOf(life).store(await life.captured(), POLICY);
  await expect(stored).rejects.toMatchObject({ code: 'snapshot_store' });
  await expect(stored).rejects.toThrow('hidden ref');
  expect(recorded).toEqual([]);
});

test.each([
  [{ status: 503 } as const, 'git_server'] as const,
  [{ status: 403 } as const, 'git_auth'] as const,
])('a remote that answers %j is no success, and the next try stores', async (fault, code) => {
  write(life.dir, { 'new.txt': 'new\n' });
  const store = storeOf(life);
  const captured = await life.captured();
  server.setFault('remote', fault);
  await expect(store.store(captured, POLICY)).rejects.toMatchObject({ code });
  server.setFault('remote', null);
  await store.store(captured, POLICY);
  expect([...onRemote().values()]).toEqual([captured.commit]);
});

test('a remote that never answers is given up after a while, and the next try stores', async () => {
  const limits = { networkMs: 1_000 };
  const git = createGit({ workspace: life.git.workspace, limits });
  const store = storeOf({ git });
  const captured = await life.captured();
  server.setFault('remote', { hang: true });
  await expect(store.store(captured, POLICY)).rejects.toMatchObject({ code: 'git_unreachable' });
  server.setFault('remote', null);
  await storeOf(life).store(captured, POLICY);
  expect([...onRemote().values()]).toEqual([captured.commit]);
});

test('a snapshot that was stored when its answer was lost is stored by the next try', async () => {
  const captured = await life.captured();
  await git(life.repo, 'push', '--quiet', 'origin', `${captured.commit}:${PRIVATE}.1`);
  write(life.dir, { 'new.txt': 'new\n' });
  const next = await life.captured({ seq: 2 });
  const store = storeOf(life);
  await expect(store.store(next, POLICY)).rejects.toThrow('stale info');
  await store.store(next, POLICY);
  expect([...onRemote().values()]).toEqual([next.commit]);
});

test('a recorded snapshot comes back into a new container', async () => {
  write(life.dir, { 'new.txt': 'new\n' });
  const captured = await life.captured();
  await storeOf(life).store(captured, POLICY);
  const next = await connected();
  const snapshot = recorded[0]?.snapshot;
  if (snapshot === undefined) throw new Error('nothing was recorded');
  const fetched = await storeOf(next, 2).fetch(RIG, snapshot, onRemote());
  expect(fetched.commit).toBe(captured.commit);
  expect((await next.putBack(fetched)).outcome).toBe('restored');
});

test('a recorded snapshot that the remote does not have any more is unknown', async () => {
  await storeOf(life).store(await life.captured(), POLICY);
  const snapshot = recorded[0]?.snapshot;
  if (snapshot === undefined) throw new Error('nothing was recorded');
  agentGit(scene.remote, 'update-ref', '-d', `${PRIVATE}.1`);
  const fetched = storeOf(await connected(), 2).fetch(RIG, snapshot, onRemote());
  await expect(fetched).rejects.toMatchObject({ code: 'unknown_snapshot' });
});

test('a snapshot that was pushed but never recorded is found, and only where it is newer', async () => {
  const store = storeOf(life);
  await store.store(await life.captured(), POLICY);
  const old = recorded[0]?.snapshot ?? null;
  write(life.dir, { 'new.txt': 'new\n' });
  const unrecorded = await life.captured({ seq: 2 });
  await store.store(unrecorded, POLICY);
  const next = storeOf(await connected(), 2);
  const plan = { agent: AGENT, bead: 'b1', snapshot: old, pinned: [] };
  const place = { home: HOME, stored: onRemote() };
  expect((await next.findUnrecorded(RIG, plan, place))?.commit).toBe(unrecorded.commit);
  const all = recorded.map(({ snapshot }) => snapshot);
  expect(await next.findUnrecorded(RIG, { ...plan, snapshot: all[1] ?? null }, place)).toBeNull();
  expect(await next.findUnrecorded(RIG, { ...plan, bead: 'b2' }, place)).toBeNull();
  expect(await next.findUnrecorded(RIG, plan, { ...place, home: 'town.other' })).toBeNull();
});

test('the end of a bead deletes its snapshots, but not those of other agents, towns or its next bead', async () => {
  const store = storeOf(life, 2);
  const others = [
    'refs/gastown/wip/core/ben/town.k3.1',
    'refs/gastown/wip/core/ada/town.other.1',
    'refs/heads/x',
  ];
  for (const ref of [...others, `${PRIVATE}.1`]) agentGit(scene.remote, 'update-ref', ref, 'refs/heads/main');
  await store.store(await life.captured({ generation: 2 }), POLICY);
  const over = store.discardAgent(RIG, AGENT, HOME);
  write(life.dir, { 'next.txt': 'of the next bead\n' });
  await over;
  expect([...onRemote().keys()]).toEqual(others.toSorted());
  const next = await life.captured({ generation: 2, seq: 2, bead: 'b2' });
  await store.store(next, POLICY);
  expect(onRemote().get(`${PRIVATE}.2`)).toBe(next.commit);
});

test('what agents without a bead left behind is swept, and nothing else', async () => {
  const left = 'refs/gastown/wip/core/ben/town.k3.1';
  const kept = [
    `${PRIVATE}.1`,
    'refs/gastown/wip/core/ben/town.k3.2',
    'refs/gastown/wip/core/ben/town.other.1',
  ];
  for (const ref of [left, ...kept]) agentGit(scene.remote, 'update-ref', ref, 'refs/heads/main');
  await storeOf(life, 2).sweep(RIG, HOME, new Set([AGENT]));
  expect([...onRemote().keys()]).toEqual(kept.toSorted());
});
