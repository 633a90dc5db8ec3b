import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { isGitUrl } from '../../src/contract/git-names.ts';
import { repoDir, rigDir } from './layout.ts';
import { isAbsence } from './worktree-marks.ts';

/**
 * The remote that a network command talks to: the URL among its words, else that of the rig which `dir` belongs to. Null
 * where there is none, as for a path on this disk.
 */
export function remoteUrlOf(workspace: string, dir: string, args: readonly string[]): string | null {
  const url = args.find(isGitUrl) ?? remoteOf(workspace, dir);
  return url === null || !isGitUrl(url) ? null : url;
}

/** The host of a remote, with its port where that is not the usual one. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : (/@([^:]+):/.exec(url)?.[1] ?? url);
}

/** Read and not asked for: the first URL in the configuration is the one that Relight wrote when it made the repository. */
function remoteOf(workspace: string, dir: string): string | null {
  const [rig = ''] = relative(dirname(rigDir(workspace, 'any')), dir).split(sep);
  if (rig === '' || rig === '..') return null;
  try {
    const config = readFileSync(join(repoDir(workspace, rig), 'config'), 'utf8');
    return /^\s*url = "?([^"\s]+)"?$/m.exec(config)?.[1] ?? null;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}
