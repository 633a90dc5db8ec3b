import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TownClient } from '../../dev/client.ts';
import { createRepository } from '../../dev/git-server/repository.ts';
import type { SnapshotStore } from '../../src/contract/snapshot.ts';
import { diskOf, sling } from '../e2e/world.ts';
import type { World } from '../e2e/world.ts';

const WRITER = fileURLToPath(new URL('writer.ts', import.meta.url));
const RIG = 'chaos';
const BEAD = 'write';

/** How often worktrees are snapshotted. */
export const SNAPSHOT_INTERVAL_S = 2;

/** A town of one rig whose agents are writers. */
export interface WriterTown {
  readonly world: World;
  readonly client: TownClient;
  readonly rig: string;
  readonly agents: readonly string[];
  /** Where journals and gates are: outside the container's disk. */
  readonly journalDir: string;
}

/** Makes the town and slings a bead to each writer; none of them writes before it is let through its gate. */
export async function makeWriterTown(
  world: World,
  { agents: count, seed, store }: { agents: number; seed: number; store: SnapshotStore | null },
): Promise<WriterTown> {
  const journalDir = join(world.dir, 'journal');
  await mkdir(journalDir);
  const client = world.town('chaos');
  await client.call('PUT', '', {
    agentCommand: [process.execPath, WRITER, journalDir, String(seed)].map((part) => `"${part}"`).join(' '),
    drainSeconds: 2,
    snapshotIntervalSeconds: SNAPSHOT_INTERVAL_S,
    snapshotStore: store,
  });
  const gitUrl = await createRepository(world.git, RIG, { from: import.meta.dirname });
  await client.call('PUT', `/rigs/${RIG}`, { gitUrl });
  const agents = Array.from({ length: count }, (_, at) => `writer${at + 1}`);
  for (const agent of agents) await sling(client, RIG, agent, BEAD);
  return { world, client, rig: RIG, agents, journalDir };
}

/** The ref of the branch that the agent works on. */
export function branchRefOf(agent: string): string {
  return `refs/heads/gt/${agent}/${BEAD}`;
}

/** The agent's worktree on the disk of the container that runs now. */
export function worktreeOf({ world, rig }: WriterTown, agent: string): string {
  return join(rigDirOf(world, rig), 'agents', agent);
}

/** The rig's bare repository on the disk of the container that runs now. */
export function repositoryOf({ world, rig }: WriterTown): string {
  return join(rigDirOf(world, rig), 'repo.git');
}

function rigDirOf(world: World, rig: string): string {
  return join(diskOf(world), 'workspace', 'rigs', rig);
}
