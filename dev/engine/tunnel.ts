import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ExpectFilter } from './expect-filter.ts';

/** How long a `CONNECT` waits for the app to listen before it answers 400; workerd's caller asks again 300 ms later. */
const DIAL_LIMIT_MS = 250;
const DIAL_PAUSE_MS = 10;

/** A `CONNECT` as Node's http server hands it over. */
export interface TunnelRequest {
  target: string | string[] | undefined;
  socket: Duplex;
  head: Buffer;
  appPort: () => number | null;
  /** Gives the port of a proxy in front of the app's port; without it the app is reached directly. */
  detour?: Detour | undefined;
}

/** Where to connect to in the place of an app's port. */
export type Detour = (port: number) => Promise<number>;

/** Joins a `CONNECT` to the app's port; answers 400 when nothing listens there yet. */
export async function openTunnel(request: TunnelRequest): Promise<void> {
  const { socket, head } = request;
  // Without a listener an error of a client that went away would end the process.
  socket.on('error', () => socket.destroy());
  const app = await dial(request);
  if (app === null) {
    const text = `the container is not listening on ${String(request.target)}\n`;
    socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Length: ${String(text.length)}\r\n\r\n${text}`);
    return;
  }
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  socket.unshift(head);
  await Promise.allSettled([pipeline(socket, new ExpectFilter(), app), pipeline(app, socket)]);
}

/** Connects to the port, trying again until the limit; null when nothing listened. */
async function dial({ appPort, detour }: TunnelRequest): Promise<Socket | null> {
  const deadline = Date.now() + DIAL_LIMIT_MS;
  for (;;) {
    const port = appPort();
    if (port === null) return null;
    const app = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    try {
      await once(app, 'connect');
      if (detour === undefined) return app;
      app.destroy();
      return connect({ port: await detour(port), host: '127.0.0.1', allowHalfOpen: true });
    } catch {
      // Refused or reset: to the caller both mean that the app does not listen yet.
      app.destroy();
    }
    if (Date.now() > deadline) return null;
    await delay(DIAL_PAUSE_MS);
  }
}
