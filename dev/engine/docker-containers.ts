import { IncomingMessage, request } from 'node:http';
import { parseArgs } from 'node:util';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import { z } from 'zod';

/*
 * `docker ps -a --filter ancestor=<image>` and `docker rm --force <id>…` for the process engine, as wrangler calls them
 * when it stops or rebuilds. Needs DOCKER_HOST. Prints one id a line, like `--format {{.ID}}`.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', short: 'a' },
    filter: { type: 'string', multiple: true, default: [] },
    force: { type: 'boolean', short: 'f' },
    format: { type: 'string' },
  },
});
const [command, ...ids] = positionals;

if (command === 'ps') {
  const filters: Record<string, string[]> = {};
  for (const filter of values.filter) {
    const at = filter.indexOf('=');
    (filters[filter.slice(0, at)] ??= []).push(filter.slice(at + 1));
  }
  const query = new URLSearchParams({
    all: values.all ? '1' : '0',
    filters: JSON.stringify(filters),
  }).toString();
  const answer = await callEngine('GET', `/containers/json?${query}`);
  for (const { Id } of z.array(z.object({ Id: z.string() })).parse(JSON.parse(answer))) console.log(Id);
} else {
  for (const id of ids) await callEngine('DELETE', `/containers/${id}?force=${values.force ? '1' : '0'}`);
}

async function callEngine(method: string, path: string): Promise<string> {
  const socketPath = (process.env['DOCKER_HOST'] ?? '').replace(/^unix:\/\//, '');
  const call = request({ socketPath, method, path }).end();
  const [response] = z.tuple([z.instanceof(IncomingMessage)]).parse(await once(call, 'response'));
  const body = await text(response);
  // A container that is gone already is what `rm --force` is after.
  if ((response.statusCode ?? 500) >= 400 && response.statusCode !== 404) throw new Error(body);
  return body;
}
