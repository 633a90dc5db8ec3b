import { RelightError } from '../contract/errors.ts';
import { gitHostOf, isPrivateHost } from '../contract/git-hosts.ts';

/** Whether rigs of this deployment may be at private addresses: the variable `ALLOW_PRIVATE_GIT`. */
export function allowsPrivateGit(env: Env): boolean {
  const value: string = env.ALLOW_PRIVATE_GIT;
  return value === 'true';
}

/**
 * Refuses a git URL that leads to no public host as far as can be told here; the control server looks at what its name
 * resolves to. Throws RelightError `git_address`.
 */
export function requirePublicHost(env: Env, gitUrl: string): void {
  if (allowsPrivateGit(env)) return;
  const host = gitHostOf(gitUrl);
  if (host !== null && !isPrivateHost(host)) return;
  throw new RelightError('git_address', `${host ?? 'the host'} is not on the public internet`);
}
