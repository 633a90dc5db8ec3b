import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TownClient } from '../../../dev/client.ts';
import { createRepository, repositoryPath } from '../../../dev/git-server/repository.ts';
import type { SnapshotStore } from '../../../src/contract/snapshot.ts';
import { sling } from '../../e2e/world.ts';
import { between, oneOf } from '../../../dev/random.ts';
import type { Random } from '../../../dev/random.ts';
import type { Arena } from './arena.ts';

const POLECAT = fileURLToPath(new URL('polecat.ts', import.meta.url));

/** An agent of the town: its place, its bead and the bare repository that it pushes to. */
export interface Member {
  readonly rig: string;
  readonly agent: string;
  /** Names it among all agents of the town. */
  readonly key: string;
  readonly bead: string;
  readonly branch: string;
  /** The name of the repository on the git server. */
  readonly repository: string;
  readonly gitDir: string;
}

/** A town of a few rigs whose agents work until they are told to finish. */
export interface Town {
  readonly name: string;
  readonly client: TownClient;
  readonly rigs: readonly string[];
  readonly members: readonly Member[];
  readonly store: SnapshotStore;
  /** Where the diaries are: outside the container's disk. */
  readonly diaries: string;
}

/** Makes the town `name` with 2 or 3 rigs and 3 to 5 agents, and slings a bead to each. */
export async function openTown({ world }: Arena, name: string, random: Random): Promise<Town> {
  const diaries = join(world.dir, `diaries-${name}`);
  await mkdir(diaries);
  await chmod(diaries, 0o777);
  const client = world.town(name);
  const store = oneOf(random, ['r2', 'git'] as const);
  await client.call('PUT', '', {
    agentCommand: [process.execPath, POLECAT, diaries, String(between(random, 0, 1e9))]
      .map((part) => `"${part}"`)
      .join(' '),
    drainSeconds: 1,
    snapshotIntervalSeconds: 2,
    snapshotStore: store,
  });
  const rigs = Array.from({ length: between(random, 2, 3) }, (_, at) => `rig${at + 1}`);
  for (const rig of rigs) {
    const gitUrl = await createRepository(world.git, `${name}/${rig}`, { from: import.meta.dirname });
    await client.call('PUT', `/rigs/${rig}`, { gitUrl, credential: 'CHAOS' });
  }
  const members = Array.from({ length: between(random, 3, 5) }, (_, at): Member => {
    const rig = rigs[at % rigs.length] ?? 'rig1';
    // The same names in each rig: only together with its rig a name is one agent.
    const nth = Math.floor(at / rigs.length) + 1;
    const [agent, bead] = [`polecat${nth}`, `bead${nth}`];
    const repository = `${name}/${rig}`;
    const gitDir = repositoryPath(world.git.rootDir, repository);
    return { rig, agent, key: `${rig}-${agent}`, bead, branch: `gt/${agent}/${bead}`, repository, gitDir };
  });
  for (const { rig, agent, bead } of members) await sling(client, rig, agent, bead);
  return { name, client, rigs, members, store, diaries };
}
