import { git } from '../../../dev/git-server/git-command.ts';
import type { Fault as GitFault } from '../../../dev/git-server/fault.ts';
import { between, oneOf } from '../../../dev/random.ts';
import type { Random } from '../../../dev/random.ts';
import type { Fault, Scene } from './fault.ts';

/** Somebody else pushes onto an agent's branch. */
const moved: Fault = {
  name: 'moved branch',
  lastsMs: null,
  endsBoot: false,
  strike: async ({ town, random, deeds }) => {
    const { key, gitDir, branch } = oneOf(random, town.members);
    deeds.tampered.add(key);
    const at = ['--git-dir', gitDir];
    const tip = await tipOf(gitDir, branch);
    if (tip === null) return null;
    const commit = await git([...at, 'commit-tree', '-p', tip, '-m', 'by somebody else', `${tip}^{tree}`]);
    await git([...at, 'update-ref', `refs/heads/${branch}`, commit, tip]);
    return null;
  },
};

/** Somebody deletes an agent's branch. */
const deleted: Fault = {
  name: 'missing branch: deleted on the remote',
  lastsMs: null,
  endsBoot: false,
  strike: async ({ town, random, deeds }) => {
    const { key, gitDir, branch } = oneOf(random, town.members);
    deeds.tampered.add(key);
    if ((await tipOf(gitDir, branch)) === null) return null;
    await git(['--git-dir', gitDir, 'update-ref', '-d', `refs/heads/${branch}`]);
    return null;
  },
};

/** The git server misbehaves for one rig or for all of them. */
export const GIT_FAULTS: readonly Fault[] = [
  gitFault('git time-out: connection cut', () => ({ reset: true })),
  gitFault('git time-out: hangs', (random) => ({
    hang: true,
    limitMs: between(random, 1_000, 12_000),
  })),
  gitFault('git time-out: cut in mid-pack', (random) => ({
    cutAfterBytes: between(random, 0, 600),
    step: 'transfer',
  })),
  gitFault('git time-out: slow', (random) => ({ slowMs: between(random, 200, 2_000) })),
  gitFault('git host fails: 500', () => ({ status: 500 })),
  gitFault('git host fails: 429', () => ({ status: 429, headers: { 'Retry-After': '1' } })),
  gitFault('git auth: 401', () => ({ status: 401 })),
  gitFault('git auth: 403', () => ({ status: 403 })),
  gitFault('git auth: push refused', () => ({ status: 403, service: 'git-receive-pack' })),
  gitFault('git 404', () => ({ status: 404 })),
  moved,
  deleted,
];

function gitFault(name: string, faultOf: (random: Random) => GitFault): Fault {
  return {
    name,
    lastsMs: { least: 300, most: 4_000 },
    endsBoot: false,
    ofRigs: true,
    strike: ({ arena, town, random }: Scene, rigs) => {
      const struck = town.members.filter(({ rig }) => rigs.includes(rig));
      const hit = new Set(struck.map(({ repository }) => repository));
      const fault = faultOf(random);
      for (const repository of hit) arena.world.git.setFault(repository, fault);
      return Promise.resolve(() => {
        for (const repository of hit) arena.world.git.setFault(repository, null);
        return Promise.resolve();
      });
    },
  };
}

async function tipOf(gitDir: string, branch: string): Promise<string | null> {
  const tips = await git([
    '--git-dir',
    gitDir,
    'for-each-ref',
    '--format=%(objectname)',
    `refs/heads/${branch}`,
  ]);
  return tips === '' ? null : tips;
}
