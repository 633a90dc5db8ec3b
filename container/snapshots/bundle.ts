import { createHash } from 'node:crypto';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Id } from '../../src/contract/ids.ts';
import { GitFailure } from '../git/errors.ts';
import { repoDir } from '../git/layout.ts';
import type { Git } from '../git/run-git.ts';
import { isAbsence } from '../git/worktree-marks.ts';
import { linesOf } from './byte-path.ts';
import { SnapshotError } from './errors.ts';
import { runNamed } from './named-git.ts';
import { metaFrom, snapshotRef } from './snapshot-meta.ts';
import type { SnapshotMeta } from './snapshot-meta.ts';

/** A bundle on disk; `prerequisites` are the commits that a repository must have to read it. */
export interface WrittenBundle {
  readonly bytes: number;
  readonly sha256: string;
  readonly prerequisites: string[];
}

/** The largest bundle that is written or read unless the caller says otherwise: 1 GiB. */
export const BUNDLE_MAX_BYTES = 1024 * 1024 * 1024;

/** So many bytes of a file are read at a time for its checksum. */
const HASHED_AT_ONCE = 256 * 1024;

/** How far into a file a bundle's header may reach. */
const HEADER_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Writes a snapshot to `file` as a bundle (https://git-scm.com/docs/git-bundle) that lacks what is reachable from
 * `onRemote`; commits that are not here are passed over. The file is gone if this throws: a SnapshotError `too-large`,
 * or git's failure.
 */
export async function writeBundle(
  git: Git,
  rig: string,
  captured: { readonly ref: string; readonly commit: string },
  options: { onRemote: readonly string[]; file: string; maxBytes?: number; signal?: AbortSignal },
): Promise<WrittenBundle> {
  const { file, maxBytes = BUNDLE_MAX_BYTES, signal } = options;
  const repo = repoDir(git.workspace, rig);
  await mkdir(dirname(file), { recursive: true });
  try {
    const known = await commitsHere(git, repo, options.onRemote, signal);
    const input = [captured.ref, ...known.map((commit) => `^${commit}`)].map((line) => `${line}\n`).join('');
    await runNamed(git, { gitDir: repo }, ['bundle', 'create', '--progress', file, '--stdin'], {
      input,
      signal,
    });
    const { size } = await stat(file);
    if (size > maxBytes) {
      throw new SnapshotError(
        'too-large',
        `the snapshot is a bundle of ${size} bytes; ${maxBytes} are allowed`,
      );
    }
    const header = await readHeader(file);
    if (header.heads.get(captured.ref) !== captured.commit) {
      throw new SnapshotError('corrupt', `the bundle does not hold ${captured.commit}`);
    }
    await runNamed(git, { gitDir: repo }, ['bundle', 'verify', file], { signal });
    return { bytes: size, sha256: await sha256Of(file), prerequisites: header.prerequisites };
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

/**
 * Brings a snapshot from a bundle into the rig's repository, under its own ref. Throws a SnapshotError `incomplete`
 * that names the commits it builds on and are not here, `corrupt` for a damaged bundle, `too-large` for one over
 * `maxBytes`.
 */
export async function readBundle(
  git: Git,
  rig: string,
  file: string,
  { maxBytes = BUNDLE_MAX_BYTES, signal }: { maxBytes?: number; signal?: AbortSignal } = {},
): Promise<{ commit: string; ref: string; meta: SnapshotMeta }> {
  const repo = repoDir(git.workspace, rig);
  const { size } = await statOf(file);
  if (size > maxBytes) {
    throw new SnapshotError('too-large', `the bundle has ${size} bytes; ${maxBytes} are allowed`);
  }
  const { heads, prerequisites } = await readHeader(file);
  const present = new Set(await commitsHere(git, repo, prerequisites, signal));
  const missing = prerequisites.filter((commit) => !present.has(commit));
  if (missing.length > 0) {
    const reason = `the snapshot builds on commits that are not here: ${missing.join(', ')}`;
    throw new SnapshotError('incomplete', reason, { missing });
  }
  const [ref, commit] = onlySnapshotIn(heads);
  const options = ['--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--progress'];
  try {
    await runNamed(git, { gitDir: repo }, ['fetch', ...options, file, `+${ref}:${ref}`], { signal });
  } catch (error) {
    if (!(error instanceof GitFailure) || error.exitCode === null || error.code === 'disk_full') throw error;
    throw new SnapshotError('corrupt', `the bundle cannot be read: ${error.message}`, { cause: error });
  }
  const meta = metaFrom(await runNamed(git, { gitDir: repo }, ['cat-file', 'commit', commit], { signal }));
  if (snapshotRef(meta.agent, meta.seq) !== ref || meta.rig !== rig) {
    throw new SnapshotError('corrupt', `${ref} holds a snapshot of ${meta.rig}/${meta.agent}, ${meta.seq}`);
  }
  return { commit, ref, meta };
}

/** Those of the objects that are commits in the repository. */
async function commitsHere(
  git: Git,
  repo: string,
  commits: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  if (commits.length === 0) return [];
  const input = commits.map((commit) => `${commit}\n`).join('');
  const args = ['cat-file', '--batch-check'];
  const answers = linesOf(await runNamed(git, { gitDir: repo }, args, { input, signal }));
  return answers.flatMap((line) => /^([0-9a-f]{40,64}) commit \d+$/.exec(line)?.[1] ?? []);
}

/** Reads the header of a bundle: https://git-scm.com/docs/gitformat-bundle. */
async function readHeader(file: string): Promise<{ heads: Map<string, string>; prerequisites: string[] }> {
  const handle = await open(file);
  let text: string;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER_MAX_BYTES), 0, HEADER_MAX_BYTES, 0);
    text = buffer.toString('latin1', 0, bytesRead);
  } finally {
    await handle.close();
  }
  const end = text.indexOf('\n\n');
  const [signature = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\n');
  if (end < 0 || !/^# v[23] git bundle$/.test(signature)) {
    throw new SnapshotError('corrupt', 'the file is not a git bundle');
  }
  const heads = new Map<string, string>();
  const prerequisites: string[] = [];
  for (const line of lines) {
    const [, minus, oid = '', rest = ''] = /^(-?)([0-9a-f]{40,64})(?: (.*))?$/.exec(line) ?? [];
    if (minus === '-') prerequisites.push(oid);
    else if (minus === '') heads.set(rest, oid);
    else if (!line.startsWith('@')) throw new SnapshotError('corrupt', 'the header of the bundle is damaged');
  }
  return { heads, prerequisites };
}

function onlySnapshotIn(heads: ReadonlyMap<string, string>): [ref: string, commit: string] {
  const [first] = heads;
  const [, agent, seq] = /^refs\/relight\/snapshots\/([^/]+)\/([1-9]\d{0,14})$/.exec(first?.[0] ?? '') ?? [];
  if (first === undefined || heads.size > 1 || seq === undefined || !Id.safeParse(agent).success) {
    throw new SnapshotError('corrupt', 'the bundle does not hold one snapshot');
  }
  return first;
}

async function statOf(file: string): Promise<{ size: number }> {
  try {
    return await stat(file);
  } catch (error) {
    if (isAbsence(error)) throw new SnapshotError('corrupt', 'there is no bundle', { cause: error });
    throw error;
  }
}

/** The SHA-256 of a file, in hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(file);
  try {
    // One buffer for all of it: a stream leaves as much behind as the file is large.
    const buffer = Buffer.allocUnsafe(HASHED_AT_ONCE);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
