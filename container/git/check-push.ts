import { RelightError } from '../../src/contract/errors.ts';
import { wipRef } from '../../src/contract/snapshot-refs.ts';
import { asRelightError } from './errors.ts';
import { trackingRef } from './local-refs.ts';
import type { RigRestore } from './restore-context.ts';

const PATIENCE_MS = 10_000;

/**
 * Why the rig's credential cannot push, found out before an agent works for hours in vain; null where it can, or where
 * there is nothing to find out. Nothing is sent (`--dry-run` of https://git-scm.com/docs/git-push).
 */
export async function whyNoPush({
  git,
  rig,
  repo,
  request,
  access,
  remote,
  local,
}: RigRestore): Promise<string | null> {
  const [first] = request.agents;
  if (remote instanceof RelightError || !request.credential) return null;
  try {
    await remote.arrival;
  } catch {
    // Those who wait for it say why.
    return null;
  }
  const commit = [...local].find(([ref]) => ref.startsWith(trackingRef('')))?.[1];
  if (first === undefined || commit === undefined) return null;
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
