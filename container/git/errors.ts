import { ErrorCode, faultOf, RelightError } from '../../src/contract/errors.ts';
import type { Fault } from '../../src/contract/errors.ts';

/** What git (2.30 to 2.50), curl and ssh say, and what it means; the first row that matches decides. */
const MEANINGS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/No space left on device|Disk quota exceeded|\bENOSPC\b|\bEDQUOT\b/i, 'disk_full'],
  // What a checkout says when a write fails; why, git keeps to itself, and names it wherever it could not even open a file.
  [/unable to write (?:file|new index file)/i, 'disk_full'],
  [/could not resolve (?:host|hostname|proxy)|name or service not known/i, 'git_dns'],
  [/temporary failure in name resolution/i, 'git_dns'],
  [/authentication failed|could not read (?:username|password)|terminal prompts disabled/i, 'git_auth'],
  [/returned error: 40[13]|RPC failed; HTTP 40[13]/i, 'git_auth'],
  [/host key .* requested strict checking|host key verification failed/i, 'git_host_key'],
  [/permission denied \(|too many authentication failures|permission to .* denied/i, 'git_auth'],
  [/write access to repository not granted|access denied|invalid username or/i, 'git_auth'],
  [/marked as read only|does not have write access|not allowed to push/i, 'git_auth'],
  [/returned error: (?:404|410)|repository .*not found|project .* could not be found/i, 'git_not_found'],
  [/returned error: 429|RPC failed; HTTP 429/i, 'git_rate_limited'],
  [/returned error: 5\d\d|RPC failed; HTTP 5\d\d/i, 'git_server'],
  [/possible repository corruption on the remote|internal server error/i, 'git_server'],
  [/not valid: is this a git repository|invalid server response/i, 'git_not_a_repository'],
  [/bad line length character|does not appear to be a git repository/i, 'git_not_a_repository'],
  [/unexpected content.type|returned error: 4\d\d/i, 'git_not_a_repository'],
  [
    /failed to connect|connection (?:refused|timed out|reset|closed)|could ?n[o']t connect/i,
    'git_unreachable',
  ],
  [/operation (?:timed out|too slow)|no route to host|network is unreachable/i, 'git_unreachable'],
  [/timeout, server .* not responding|send disconnect:/i, 'git_unreachable'],
  [/empty reply from server|RPC failed; curl|transfer closed|recv failure|send failure/i, 'git_unreachable'],
  [
    /SSL certificate|certificate verif|gnutls_handshake|SSL_(?:connect|read|ERROR)|TLS connect/i,
    'git_unreachable',
  ],
  [/already checked out at|already used by worktree/i, 'git_ref_conflict'],
  [/cannot lock ref .* exists|directory.file conflict|funny refname/i, 'git_ref_conflict'],
  [/a branch named .* already exists|refusing to fetch into/i, 'git_ref_conflict'],
  [/remote end hung up|early EOF|unexpected disconnect|could not read from remote/i, 'git_unreachable'],
];

/** Lines in which git says why it fails. */
const REASON_LINE = /^(?:fatal|error|remote: (?:fatal|error)|ERROR):|^!\t|\[(?:remote )?rejected\]/;

/** Lines in which git says what it is doing; the names in them mean nothing here. */
const PROGRESS_LINE =
  /^(?:From |To |[*+=-]\s|(?:remote: )?(?:Enumerating|Counting|Compressing|Receiving|Resolving|Writing|Total|Updating)\b)/;

const REASON_MAX_CHARS = 400;

/**
 * A git command that failed; `output` is what it wrote, without secrets; `exitCode` is null when it was killed;
 * `retryAfter` is how long the host asked to be left alone, in milliseconds.
 */
export class GitFailure extends RelightError {
  readonly exitCode: number | null;
  readonly output: string;
  readonly retryAfter: number | null;

  constructor(
    code: ErrorCode,
    reason: string,
    facts: { exitCode: number | null; output: string; retryAfter?: number | null },
  ) {
    super(code, reason);
    this.name = 'GitFailure';
    this.exitCode = facts.exitCode;
    this.output = facts.output;
    this.retryAfter = facts.retryAfter ?? null;
  }
}

/** A git command that failed because an answer led elsewhere, and git goes along with none. */
export class Redirected extends GitFailure {
  /** As the answer has it: it may be relative to what was asked for. */
  readonly location: string;

  constructor(location: string, { code, message, ...facts }: GitFailure) {
    super(code, message, facts);
    this.name = 'Redirected';
    this.location = location;
  }
}

/** The text without user names, passwords and tokens in URLs. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/'"@]*(?:@[^\s/'"@]*)*@/gi, '$1');
}

/**
 * What the output of a failed git command means, with git's own words as the reason, free of secrets. A host that says
 * how long to leave it alone (`retryAfter`, in milliseconds) has not failed but limits its requests.
 */
export function readFailure(
  command: string,
  exitCode: number | null,
  raw: string,
  retryAfter: number | null = null,
): GitFailure {
  const output = withoutSecrets(raw.replaceAll('\0', ''));
  const facts = { exitCode, output, retryAfter };
  const lines = output
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !PROGRESS_LINE.test(line));
  const refused = lines.map(readHelperRefusal).find((failure) => failure !== null);
  if (refused !== undefined) return new GitFailure(refused.code, refused.reason, facts);
  for (const [pattern, code] of MEANINGS) {
    const line = lines.find((text) => pattern.test(text));
    if (line === undefined) continue;
    const limits = code === 'git_server' && retryAfter !== null;
    return new GitFailure(limits ? 'git_rate_limited' : code, reasonOf(command, line), facts);
  }
  const reason = lines.find((line) => REASON_LINE.test(line)) ?? lines.at(-1);
  const line = reason ?? `ended with exit code ${exitCode ?? 'none (killed)'}`;
  return new GitFailure('git_failed', reasonOf(command, line), facts);
}

/** Why our own credential helper gave git nothing: its words say more than git's, which only miss a user name. */
function readHelperRefusal(line: string): { code: ErrorCode; reason: string } | null {
  const [, name, reason = ''] = /^relight-credential: (\w+): (.*)$/.exec(line) ?? [];
  const code = ErrorCode.safeParse(name);
  return code.success ? { code: code.data, reason } : null;
}

function reasonOf(command: string, line: string): string {
  const said = line.replace(/^(?:remote: )?(?:fatal|error|ERROR): /, '').replaceAll('\t', ' ');
  return `git ${command}: ${said}`.slice(0, REASON_MAX_CHARS);
}

/** Any thrown value as a RelightError: file system errors keep their words, a full disk its own code. */
export function asRelightError(error: unknown): RelightError {
  if (error instanceof RelightError) return error;
  const words = withoutSecrets(error instanceof Error ? error.message : String(error));
  const code = /\bENOSPC\b|\bEDQUOT\b/.test(words) ? 'disk_full' : 'internal';
  return new RelightError(code, words.slice(0, REASON_MAX_CHARS), { cause: error });
}

/** Any thrown value as the fault of a report. */
export function faultFrom(error: unknown): Fault {
  const { code, message } = asRelightError(error);
  return faultOf(code, message);
}
