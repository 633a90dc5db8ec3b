import { codeOf, faultOf } from '../../contract/errors.ts';
import type { Fault } from '../../contract/errors.ts';
import { sshPlaceOf } from '../../contract/git-names.ts';
import { wipOwnerOf } from '../../contract/snapshot-refs.ts';
import { credentialOf } from '../../platform/git-credential.ts';
import { requirePublicHost } from '../../platform/git-policy.ts';
import { logEvent } from '../../platform/log.ts';
import { deleteRemoteRefs } from '../../platform/remote-refs.ts';
import { eraseDatabase } from '../../tables/open.ts';
import type { CompleteSpec } from '../town/view.ts';
import { deleteCaches } from './caches.ts';
import type { RigCore } from './core.ts';
import { agentRows } from './roster.ts';

/**
 * Deletes a rig with its agents, its caches, and the snapshots that are refs on its remote. A remote that cannot be reached
 * does not keep a rig from being removed: gives why refs may be left there, null where none are.
 */
export async function eraseRig(
  core: RigCore,
  spec: CompleteSpec,
  removeAgent: (agent: string) => Promise<void>,
): Promise<Fault | null> {
  const agents = agentRows(core.db);
  const usesRefs = spec.snapshots.store === 'git' || agents.some(({ snapshot }) => snapshot?.store === 'git');
  for (const { agent } of agents) await removeAgent(agent);
  const left = usesRefs ? await clearRemote(core, spec) : null;
  await eraseDatabase(core.ctx, core.db, 'rig');
  await deleteCaches(core);
  return left;
}

/** Deletes the refs of this town's rig, whatever agent and generation they are of, and no other town's. */
async function clearRemote({ env, town, rig }: RigCore, spec: CompleteSpec): Promise<Fault | null> {
  const { gitUrl, credential: name, snapshots } = spec;
  if (sshPlaceOf(gitUrl) !== null)
    return faultOf('snapshot_store', 'only a container gets at a remote by ssh');
  try {
    requirePublicHost(env, gitUrl);
    const credential = name === null ? null : await credentialOf(env, name, { fresh: false });
    if (credential !== null && !('password' in credential))
      return faultOf('unusable_credential', 'the credential of the rig is an ssh key');
    const refs = await deleteRemoteRefs({ gitUrl, credential }, (ref) => {
      const owner = wipOwnerOf(ref);
      return owner?.home === snapshots.home && owner.rig === rig;
    });
    if (refs > 0) logEvent('refs.deleted', { town, rig, refs });
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return faultOf(codeOf(error) ?? 'git_unreachable', reason);
  }
}
