import { once } from 'node:events';
import { createServer } from 'node:net';

const claimed = new Set<number>();

/**
 * Finds a loopback port that nothing listens on and that no other container of this process was given.
 * The kernel cannot reserve it for the child, so a stranger may still take it: `releasePort` it and start again then.
 */
export async function claimPort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    if (address === null || typeof address === 'string') throw new Error('no loopback port to be had');
    if (claimed.has(address.port)) continue;
    claimed.add(address.port);
    return address.port;
  }
}

/** Gives a claimed port back. */
export function releasePort(port: number): void {
  claimed.delete(port);
}
