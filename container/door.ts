import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The control server's listening socket: open at once, with calls waiting until the program behind is loaded. */
export interface Door {
  readonly server: Server;
  readonly port: number;
  /** Milliseconds from the start of the process until it listened. */
  readonly listeningMs: number;
  /** Hands the waiting calls, and all later ones, to the program. */
  admit(listener: RequestListener): void;
}

/** How long a caller may take, in milliseconds, over its headers and its whole request, and how often that is looked at. */
export interface DoorLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
}

/** The Worker gives a call up after ten seconds; agents reach the port as well, and could hold it by saying nothing. */
const LIMITS: DoorLimits = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 5_000,
};

/** Listens. Throws the system's error, such as EADDRINUSE. */
export async function openDoor(host: string, port: number, limits = LIMITS): Promise<Door> {
  const program = Promise.withResolvers<RequestListener>();
  const server = createServer({ ...limits }, (request, response) => {
    void program.promise.then((listener) => listener(request, response));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  const listeningMs = Math.round(performance.now());
  return { server, port: portOf(server.address(), port), listeningMs, admit: program.resolve };
}

function portOf(address: AddressInfo | string | null, asked: number): number {
  return typeof address === 'object' && address !== null ? address.port : asked;
}
