import type { PasswordCredential } from '../contract/callbacks.ts';
import { RelightError } from '../contract/errors.ts';
import type { ErrorCode } from '../contract/errors.ts';
import { FLUSH, pktLine, pktLines } from './pkt-lines.ts';

/** How long one request may take. */
const DEADLINE_MS = 20_000;

/** How many refs one push deletes. */
const AT_ONCE = 500;

/** How often a host may lead on to the repository's present address. */
const REDIRECTS = 3;

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 307, 308]);

const SERVICE = 'git-receive-pack';

const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'git_auth',
  403: 'git_auth',
  404: 'git_not_found',
  410: 'git_not_found',
  429: 'git_rate_limited',
};

/** A repository by http, as its host lets one in. */
export interface HttpRemote {
  readonly gitUrl: string;
  readonly credential: PasswordCredential | null;
}

/**
 * Deletes the refs of a remote that are over, and gives how many there were. It needs no clone: a push that only deletes has
 * no pack (gitprotocol-http(5), gitprotocol-pack(5)). A ref that has moved since it was listed stays. Throws RelightError
 * with the code of what is wrong with the remote.
 */
export async function deleteRemoteRefs(
  remote: HttpRemote,
  isOver: (ref: string) => boolean,
): Promise<number> {
  try {
    const { answer, gitUrl } = await discover(remote);
    const over = await listed(answer, isOver);
    for (let from = 0; from < over.length; from += AT_ONCE)
      await push({ ...remote, gitUrl }, over.slice(from, from + AT_ONCE));
    return over.length;
  } catch (error) {
    if (error instanceof RelightError) throw error;
    throw new RelightError('git_unreachable', `the git remote cannot be reached: ${String(error)}`, {
      cause: error,
    });
  }
}

interface RemoteRef {
  readonly ref: string;
  readonly at: string;
}

/** Asks for all refs, and finds out where the repository is by now. As in git, only this request follows redirects. */
async function discover(remote: HttpRemote): Promise<{ answer: Response; gitUrl: string }> {
  const path = `/info/refs?service=${SERVICE}`;
  let { gitUrl } = remote;
  for (let hops = 0; ; hops += 1) {
    const answer = await request({ ...remote, gitUrl }, path);
    if (!REDIRECT_STATUSES.has(answer.status)) {
      requireType(answer, 'advertisement');
      return { answer, gitUrl };
    }
    await answer.body?.cancel();
    const next = new URL(answer.headers.get('location') ?? '', gitUrl + path);
    // The credential is for this host alone.
    if (hops === REDIRECTS || next.origin !== new URL(gitUrl).origin || !next.href.endsWith(path))
      throw new RelightError('git_server', `the git remote leads on to ${next.origin}${next.pathname}`);
    gitUrl = next.href.slice(0, -path.length);
  }
}

async function listed({ body }: Response, isWanted: (ref: string) => boolean): Promise<RemoteRef[]> {
  const found: RemoteRef[] = [];
  for await (const line of pktLines(body)) {
    // After a NUL, the first one says what the server can do.
    const [at = '', ref = ''] = (line?.split('\0')[0] ?? '').split(' ');
    if (/^[0-9a-f]{40,64}$/.test(at) && isWanted(ref)) found.push({ ref, at });
  }
  return found;
}

async function push(remote: HttpRemote, refs: readonly RemoteRef[]): Promise<void> {
  const commands = refs.map(({ ref, at }, n) => {
    const command = `${at} ${'0'.repeat(at.length)} ${ref}`;
    return pktLine(n === 0 ? `${command}\0report-status delete-refs agent=relight\n` : `${command}\n`);
  });
  const answer = await request(remote, `/${SERVICE}`, commands.join('') + FLUSH);
  requireType(answer, 'result');
  const deleted = new Set<string>();
  const refusals: string[] = [];
  for await (const line of pktLines(answer.body)) {
    const [verdict, ref = '', ...why] = (line ?? '').split(' ');
    if (verdict === 'ok') deleted.add(ref);
    if (verdict === 'ng') refusals.push(`${ref}: ${why.join(' ')}`);
  }
  if (deleted.size === refs.length) return;
  const why = refusals[0] ?? 'it does not say why';
  throw new RelightError(
    'git_server',
    `the remote keeps ${refs.length - deleted.size} of ${refs.length} refs: ${why}`,
  );
}

async function request({ gitUrl, credential }: HttpRemote, path: string, body?: string): Promise<Response> {
  const headers = new Headers(
    body === undefined ? {} : { 'content-type': `application/x-${SERVICE}-request` },
  );
  if (credential !== null) headers.set('authorization', basic(credential));
  const answer = await fetch(gitUrl.replace(/\/+$/, '') + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(DEADLINE_MS),
    ...(body === undefined ? {} : { body }),
  });
  if (answer.ok || (body === undefined && REDIRECT_STATUSES.has(answer.status))) return answer;
  await answer.body?.cancel();
  throw new RelightError(
    STATUS_CODES[answer.status] ?? 'git_server',
    `the git remote answered ${answer.status}`,
  );
}

function requireType({ headers }: Response, kind: 'advertisement' | 'result'): void {
  if (headers.get('content-type') === `application/x-${SERVICE}-${kind}`) return;
  throw new RelightError('git_not_a_repository', 'what answers at the URL is no git repository');
}

/** RFC 7617, with the user and password in UTF-8. */
function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${username}:${password}`)))}`;
}
