import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** What a network link is like: round trips in milliseconds, bandwidth in megabits a second, each way. */
export interface LinkShape {
  readonly rttMs: number;
  readonly mbit: number;
}

/** A running link. `bytes` counts what went through it to the near side; `connections` those that were made. */
export interface Link {
  readonly port: number;
  readonly traffic: { bytes: number; connections: number };
  close(): Promise<void>;
}

/** So many bytes of one connection are on their way at a time: above the product of bandwidth and delay. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** One way of the link: everything that goes it shares its bandwidth. */
class Way {
  readonly #bytesPerMs: number;
  readonly #delayMs: number;
  #freeAt = 0;

  constructor({ mbit, rttMs }: LinkShape) {
    this.#bytesPerMs = (mbit * 1e6) / 8 / 1000;
    this.#delayMs = rttMs / 2;
  }

  /** How long from now these bytes take to arrive, in milliseconds. */
  take(bytes: number): number {
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + bytes / this.#bytesPerMs;
    return this.#freeAt - now + this.#delayMs;
  }
}

/** Puts a link of this shape before a port of this machine. */
export async function openLink(target: number, shape: LinkShape): Promise<Link> {
  const [up, down] = [new Way(shape), new Way(shape)];
  const traffic = { bytes: 0, connections: 0 };
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    traffic.connections += 1;
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.once('error', () => [near, far].forEach((other) => other.destroy()));
    }
    // The handshake is one round trip before the first byte.
    carry(near, far, { way: up, firstMs: shape.rttMs, onBytes: () => undefined });
    carry(far, near, { way: down, firstMs: 0, onBytes: (bytes) => (traffic.bytes += bytes) });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the link has no port');
  return {
    port: address.port,
    traffic,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

interface Lane {
  readonly way: Way;
  readonly firstMs: number;
  readonly onBytes: (bytes: number) => void;
}

function carry(from: Socket, to: Socket, { way, firstMs, onBytes }: Lane): void {
  const queue: { readonly at: number; readonly act: () => void }[] = [];
  const begin = performance.now() + firstMs;
  let flying = 0;
  const deliver = (): void => {
    while (queue[0] !== undefined && queue[0].at <= performance.now()) queue.shift()?.act();
    if (queue[0] !== undefined) wait(queue[0].at);
  };
  const wait = (until: number): unknown => setTimeout(deliver, Math.max(0, until - performance.now()));
  const later = (bytes: number, act: () => void): void => {
    const at = Math.max(begin, queue.at(-1)?.at ?? 0, performance.now() + way.take(bytes));
    if (queue.push({ at, act }) === 1) wait(at);
  };
  from.on('data', (chunk: Buffer) => {
    onBytes(chunk.length);
    flying += chunk.length;
    if (flying > WINDOW_BYTES) from.pause();
    later(chunk.length, () => {
      flying -= chunk.length;
      if (flying <= WINDOW_BYTES) from.resume();
      if (!to.destroyed) to.write(chunk);
    });
  });
  from.once('end', () => later(0, () => to.end()));
}
