import { once } from 'node:events';
import { type ClientRequest, IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** An answer of the engine's Docker API; `body` is parsed when it is JSON, else a string. */
export interface DockerAnswer {
  status: number;
  body: unknown;
}

/** Asks the Docker API on a unix socket, as workerd does. */
export async function askDocker(
  socketPath: string,
  method: string,
  path: string,
  body?: object,
): Promise<DockerAnswer> {
  const call = request({ socketPath, method, path, headers: { 'Content-Type': 'application/json' } });
  const response = await responseTo(call.end(body && JSON.stringify(body)));
  const answer = await text(response);
  const isJson = response.headers['content-type']?.startsWith('application/json') ?? false;
  return { status: response.statusCode ?? 0, body: isJson ? JSON.parse(answer) : answer };
}

/** Waits for the response to a request. */
export async function responseTo(call: ClientRequest): Promise<IncomingMessage> {
  const [response]: unknown[] = await once(call, 'response');
  if (!(response instanceof IncomingMessage)) throw new Error('not a response');
  return response;
}
