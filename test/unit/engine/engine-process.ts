import { startEngine } from '../../../dev/engine/engine.ts';
import { askDocker } from './docker-client.ts';

/*
 * An engine in a process of its own, for tests that kill it: `node engine-process.ts <rootDir> <socketPath>`. It runs one
 * container with a process in another session and prints that container's output.
 */
const [rootDir = '', socketPath = ''] = process.argv.slice(2);
await startEngine({
  rootDir,
  socketPath,
  command: () => ({ file: '/bin/sh', args: ['-c', 'setsid sleep 1002 & echo $! $$; sleep 1002'] }),
  log: ({ line }) => console.log(line),
});
await askDocker(socketPath, 'POST', '/containers/create?name=box', { Image: 'any' });
await askDocker(socketPath, 'POST', '/containers/box/start');
