import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A whole request that passes through. */
export interface Passing {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/**
 * What is done with a request: `forward` makes the call, and may be called more than once; null cuts the connection. The
 * answer is what comes back.
 */
export type Meddling = (request: Passing, forward: () => Promise<Answer>) => Promise<Answer | null>;

/** Somebody who listens to all requests, meddled with or not. */
type Listener = (request: Passing) => void;

/** An HTTP proxy in front of one server of the loopback, through which everything passes unless somebody meddles. */
export class Proxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #meddler: () => Meddling | null;
  readonly #listener: Listener;

  private constructor(parts: { targetPort: number; meddler: () => Meddling | null; listener: Listener }) {
    this.#targetPort = parts.targetPort;
    this.#meddler = parts.meddler;
    this.#listener = parts.listener;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  /** Opens a proxy to a port; `meddler` is asked at each request who meddles now. */
  static async open(
    targetPort: number,
    meddler: () => Meddling | null,
    listener: Listener = () => undefined,
  ): Promise<Proxy> {
    const proxy = new Proxy({ targetPort, meddler, listener });
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return address.port;
  }

  /** Makes a call as if it had come by. Throws where there is no answer. */
  async forward({ method, path, headers, body }: Passing): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { 'transfer-encoding': _, ...rest } = headers;
    const call = ask({
      host: '127.0.0.1',
      port: this.#targetPort,
      method,
      path,
      headers: { ...rest, 'content-length': String(body.length) },
    });
    call.once('response', resolve);
    call.once('error', reject);
    call.end(body);
    const response = await promise;
    return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const passing = { method, path, headers, body: await buffer(incoming) };
    this.#listener(passing);
    const forward = (): Promise<Answer> => this.forward(passing);
    const meddle = this.#meddler();
    const answer = await (meddle === null ? forward() : meddle(passing, forward));
    if (answer === null) {
      response.destroy();
      return;
    }
    const { 'transfer-encoding': _, ...rest } = answer.headers;
    response.writeHead(answer.status, { ...rest, 'content-length': String(answer.body.length) });
    response.end(answer.body);
  }
}
