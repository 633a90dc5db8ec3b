import { createReadStream } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { startGitServer } from '../../dev/git-server/git-server.ts';
import { openLink } from './link.ts';

/**
 * The far side of a benchmark, in a process of its own: a git server and plain tars, each behind a link. Prints where they
 * are as JSON, and after every line that it reads what went over the links since the last one.
 */
const { rootDir, rttMs, mbit } = z
  .object({ rootDir: z.string(), rttMs: z.number(), mbit: z.number() })
  .parse(JSON.parse(process.argv[2] ?? ''));

const git = await startGitServer({ rootDir });
const tars = createServer((request, response) => {
  createReadStream(join(rootDir, request.url ?? '')).pipe(response);
});
tars.listen(0, '127.0.0.1');
await once(tars, 'listening');
const links = await Promise.all(
  [git.url, portOf(tars.address())].map(async (at) => await openLink(portOf(at), { rttMs, mbit })),
);
const [gitLink, tarLink] = links;
console.log(JSON.stringify({ git: gitLink?.port, tar: tarLink?.port }));

let requests = 0;
process.stdin.on('data', () => {
  const bytes = links.reduce((sum, { traffic }) => sum + traffic.bytes, 0);
  console.log(JSON.stringify({ bytes, requests: git.requests.length - requests }));
  requests = git.requests.length;
  for (const { traffic } of links) Object.assign(traffic, { bytes: 0, connections: 0 });
});
process.stdin.once('end', () => process.exit(0));

function portOf(at: string | number | ReturnType<typeof tars.address>): number {
  if (typeof at === 'number') return at;
  if (typeof at === 'string') return Number(new URL(at).port);
  if (at === null) throw new Error('nothing listens there');
  return at.port;
}
