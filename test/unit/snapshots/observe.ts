import { execFile } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { onDisk } from '../../../container/snapshots/byte-path.ts';
import { AGENT_ENV } from './snapshot-scene.ts';

const run = promisify(execFile);

/** Everything that an agent can see of its worktree. */
export interface Observed {
  /** HEAD, branch, and everything that is not as they say. */
  readonly status: string[];
  readonly diff: string;
  readonly staged: string;
  readonly index: string;
  readonly files: Record<string, string>;
}

async function ask(dir: string, ...args: string[]): Promise<string> {
  const options = {
    cwd: dir,
    env: { ...AGENT_ENV, GIT_OPTIONAL_LOCKS: '0' },
    encoding: 'latin1',
    maxBuffer: 1e8,
  } as const;
  try {
    return (await run('git', args, options)).stdout;
  } catch (error) {
    // Git has states that it cannot show, such as an intended submodule without content. They come back as they are.
    return `failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Looks at a worktree without changing it. Ignored files are left out. The diffs follow from all else. */
export async function observe(dir: string, { diffs = true } = {}): Promise<Observed> {
  const [seen, diff, staged, index] = await Promise.all([
    ask(dir, 'status', '--porcelain=v2', '-z', '--branch', '--untracked-files=all', '--ignored=matching'),
    diffs ? ask(dir, 'diff', '--binary', '--full-index') : '',
    diffs ? ask(dir, 'diff', '--binary', '--full-index', '--cached') : '',
    ask(dir, 'ls-files', '-z', '--stage', '-v', '--full-name'),
  ]);
  const entries = seen.split('\0');
  const ignored = entries.filter((entry) => entry.startsWith('! ')).map((entry) => entry.slice(2));
  const status = entries.filter((entry) => !entry.startsWith('! '));
  const files: Record<string, string> = {};
  walk(dir, '', { skip: new Set(['.git', ...ignored.map((path) => path.replace(/\/$/, ''))]), files });
  return { status, diff, staged, index, files };
}

function walk(dir: string, folder: string, to: { skip: Set<string>; files: Record<string, string> }): void {
  for (const entry of readdirSync(onDisk(dir, folder), { withFileTypes: true, encoding: 'buffer' })) {
    const name = entry.name.toString('latin1');
    const path = folder === '' ? name : `${folder}/${name}`;
    if (to.skip.has(path)) continue;
    const place = onDisk(dir, path);
    const mode = (lstatSync(place).mode & 0o7777).toString(8);
    if (entry.isSymbolicLink()) to.files[path] = `link to ${readlinkSync(place, 'latin1')}`;
    else if (entry.isFile()) to.files[path] = `${mode} ${readFileSync(place, 'latin1')}`;
    else if (entry.isDirectory()) {
      to.files[path] = `${mode} folder`;
      walk(dir, path, to);
    }
  }
}
