import type { RestoreRequest } from '../../src/contract/control.ts';
import { wipRef } from '../../src/contract/snapshot-refs.ts';
import { asRelightError } from './errors.ts';
import type { LocalRefs } from './local-refs.ts';
import { trackingRef } from './local-refs.ts';
import type { Git, GitCommand } from './run-git.ts';

const PATIENCE_MS = 10_000;

/**
 * Why the rig's credential cannot push, found out before an agent works for hours in vain; null where it can, or where
 * there is nothing to find out. Nothing is sent (`--dry-run` of https://git-scm.com/docs/git-push).
 */
export async function whyNoPush(
  git: Git,
  { rig, repo, request, access }: { rig: string; repo: string; request: RestoreRequest; access: GitCommand },
  local: LocalRefs,
): Promise<string | null> {
  const [first] = request.agents;
  const commit = [...local].find(([ref]) => ref.startsWith(trackingRef('')))?.[1];
  if (!request.credential || first === undefined || commit === undefined) return null;
  const { refSpace, home } = request.snapshots;
  const ref = wipRef(refSpace, { home, rig, agent: first.agent, generation: request.life.generation });
  try {
    const push = ['push', '--dry-run', '--no-verify', '--porcelain', 'origin', `+${commit}:${ref}`];
    // Agents do not wait for a host that takes its time over this.
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const signal = access.signal === undefined ? patience : AbortSignal.any([access.signal, patience]);
    await git.run(repo, push, { ...access, signal, network: true });
    return null;
  } catch (error) {
    return `pushing may fail: ${asRelightError(error).message}`;
  }
}
