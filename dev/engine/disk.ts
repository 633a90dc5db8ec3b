import { chmod, lstat, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { hasCode } from './error-code.ts';

const CLAIM_FILE = '.relight-engine';
const SOCKET_ANSWER_MS = 1_000;

/**
 * Makes a directory an engine's own and gives its real path. Its claim file names the engine's socket.
 *
 * Throws when the directory holds something but no claim file (it is not an engine's, so it must not be emptied), and
 * when the engine that claimed it still answers on its socket.
 */
export async function claimRoot(rootDir: string, socketPath: string): Promise<string> {
  await mkdir(rootDir, { recursive: true });
  const root = await realpath(rootDir);
  const claim = join(root, CLAIM_FILE);
  const owner = await readClaim(claim);
  if (owner === null && (await readdir(root)).length > 0) {
    throw new Error(`${root} is not empty and was not made by the process engine: it is left alone`);
  }
  if (owner !== null && (await answers(owner))) throw new Error(`another engine uses ${root}`);
  await writeFile(claim, socketPath);
  return root;
}

/**
 * Removes everything in an engine's directory but its claim, and claims it again: the reaper of an engine that died a
 * moment ago may have got as far as removing it.
 */
export async function emptyRoot(root: string, socketPath: string): Promise<void> {
  await mkdir(root, { recursive: true });
  await writeFile(join(root, CLAIM_FILE), socketPath);
  const entries = await readdir(root);
  await Promise.all(
    entries.filter((name) => name !== CLAIM_FILE).map((name) => removeTree(join(root, name))),
  );
}

/** Removes a stale unix socket; throws when something listens on it or when the path is not a socket. */
export async function removeStaleSocket(socketPath: string): Promise<void> {
  const stats = await lstat(socketPath).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (stats === null) return;
  if (!stats.isSocket()) throw new Error(`${socketPath} is not a socket: it is left alone`);
  if (await answers(socketPath)) throw new Error(`another engine listens on ${socketPath}`);
  await rm(socketPath, { force: true });
}

/**
 * Removes a directory and everything in it; what is not there is no error. Read-only directories (Go's module cache has
 * thousands) are made writable first when they stand in the way. Symbolic links are removed, never followed.
 */
export async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const;
  try {
    await rm(path, options);
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
    await makeWritable(path);
    await rm(path, options);
  }
}

async function makeWritable(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries) {
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name));
  }
}

async function readClaim(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Whether a server accepts connections on a unix socket. */
function answers(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(socketPath);
  socket.setTimeout(SOCKET_ANSWER_MS, () => resolve(true));
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
