import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { removeTree } from './disk.ts';
import { killMarked, sendSignal } from './processes.ts';

/*
 * The engine's reaper, a process of its own: `node reaper.ts <rootDir> <socketPath>`. It reads `+<group>` and `-<group>`
 * lines on its standard input. The end of that input means that the engine is no more, however it died: the reaper then
 * kills every process of every container, removes the engine's directory and socket, and exits.
 */
const [rootDir, socketPath] = process.argv.slice(2);
if (rootDir === undefined || socketPath === undefined)
  throw new Error('usage: reaper.ts <rootDir> <socketPath>');

const groups = new Set<number>();
for await (const line of createInterface({ input: process.stdin })) {
  const group = Number(line.slice(1));
  if (line.startsWith('+')) groups.add(group);
  else groups.delete(group);
}
for (const group of groups) sendSignal(-group, 'SIGKILL');
const left = await killMarked(`${rootDir}/`);
await removeTree(rootDir);
await rm(socketPath, { force: true });
process.exitCode = left.length === 0 ? 0 : 1;
