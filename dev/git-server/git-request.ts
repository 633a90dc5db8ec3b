import { isRepositoryName } from './repository.ts';

/** The two services of git's smart HTTP protocol: fetching and pushing (gitprotocol-http(5)). */
export type GitService = 'git-upload-pack' | 'git-receive-pack';

/** `advertise` lists refs or capabilities (`GET info/refs`), `transfer` does the work (`POST`). */
export type GitStep = 'advertise' | 'transfer';

/** One request as the server's log keeps it. */
export interface GitRequest {
  repo: string;
  service: GitService;
  step: GitStep;
  /** When it came, in milliseconds since 1970. */
  at: number;
}

/** Reads which repository and service a request is for; null when it is not one of the smart protocol. */
export function parseGitRequest(method: string, url: URL): Omit<GitRequest, 'at'> | null {
  const match = /^\/(.+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(url.pathname);
  const [, repo = '', action = ''] = match ?? [];
  if (!isRepositoryName(repo)) return null;
  const step = action === 'info/refs' ? 'advertise' : 'transfer';
  const service = step === 'advertise' ? url.searchParams.get('service') : action;
  if (method !== (step === 'advertise' ? 'GET' : 'POST')) return null;
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') return null;
  return { repo, service, step };
}
