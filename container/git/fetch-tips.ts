import { join } from 'node:path';
import { removeTree } from '../files/write.ts';
import { FETCH_OPTIONS } from './fetch-refs.ts';
import { formatOf } from './remote-refs.ts';
import type { RigJob } from './restore-context.ts';

/** The git folder that a rig's repository has while its tips are fetched; it borrows the objects folder. */
const FOLDER = 'relight-tips';

/**
 * Fetches what a checkout of these commits needs and nothing before them, in one negotiation, into the objects of a rig's
 * new repository. It is asked for through a git folder of its own: that one is shallow
 * (https://git-scm.com/docs/shallow), and the repository itself never is, so its history can come at the same time.
 */
export async function fetchTips(
  { git, repo, request, access }: RigJob,
  commits: ReadonlySet<string>,
): Promise<void> {
  const folder = join(repo, FOLDER);
  const [any = ''] = commits;
  try {
    await git.run(repo, ['init', '--bare', '--template=', `--object-format=${formatOf(any)}`, '--', folder]);
    const borrowed = { ...access, env: { GIT_OBJECT_DIRECTORY: join(repo, 'objects') } };
    const fetch = [
      `--git-dir=${folder}`,
      'fetch',
      '--stdin',
      '--depth=1',
      ...FETCH_OPTIONS,
      '--',
      request.gitUrl,
    ];
    const input = [...commits].map((commit) => `${commit}\n`).join('');
    await git.run(repo, fetch, { ...borrowed, network: true, input });
  } finally {
    await removeTree(folder);
  }
}
