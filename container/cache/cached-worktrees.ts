import type { RestoreRequest } from '../../src/contract/control.ts';
import { sshPlaceOf } from '../../src/contract/git-names.ts';
import type { Phase, RigReport } from '../../src/contract/recovery.ts';
import type { RemoteRefs } from '../git/remote-refs.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { WorkerClient } from '../worker-client.ts';
import type { Worktrees } from '../worktrees.ts';
import { Caches } from './caches.ts';
import type { CacheParts } from './caches.ts';
import { CacheIntake } from './intake.ts';

/** What caches are stored and fetched with. */
export interface CachingParts extends Pick<CacheParts, 'git' | 'room'> {
  readonly worker: WorkerClient;
  readonly lifecycle: Lifecycle;
}

/** The same worktrees, whose restores begin with a stored cache where there is one, and leave one behind. */
export function cachedWorktrees(worktrees: Worktrees, parts: CachingParts): Worktrees {
  const { git, room, worker, lifecycle } = parts;
  const caches = new Caches({
    git,
    room,
    store: async (rig, cache, file, signal) =>
      await worker.uploadCache({ life: lifecycle.life, rig, cache }, file, signal),
  });
  return {
    ...worktrees,
    restore: async (rig, request, hooks) => {
      const { signal } = hooks;
      const intake = intakeFor(parts, rig, request, signal);
      const seen: { refs: RemoteRefs | null } = { refs: null };
      const onRemote = (refs: RemoteRefs): void => {
        seen.refs = refs;
        hooks.onRemote?.(refs);
      };
      const startedAt = Date.now();
      const report = await worktrees.restore(rig, request, { ...hooks, onRemote, cache: intake });
      await intake?.end();
      if (seen.refs !== null && signal !== undefined) caches.note({ rig, request, refs: seen.refs, signal });
      return intake === undefined ? report : withOutcome(report, intake, startedAt);
    },
  };
}

function intakeFor(
  { git, room, worker, lifecycle }: CachingParts,
  rig: string,
  { gitUrl, repoCache }: RestoreRequest,
  signal: AbortSignal | undefined,
): CacheIntake | undefined {
  const cache = repoCache?.stored ?? null;
  if (cache === null || repoCache?.use !== true || cache.gitUrl !== gitUrl) return undefined;
  // Who cannot be asked for single contents later has to give all at once.
  if (cache.blobless && sshPlaceOf(gitUrl) !== null) return undefined;
  const { sha256 } = cache;
  const open = async (stop: AbortSignal): Promise<ReadableStream<Uint8Array>> =>
    await worker.openCache({ life: lifecycle.life, rig, sha256 }, stop);
  return new CacheIntake({ git, rig, cache, open, room, signal });
}

/** What became of the cache is shown among the phases, and told to the Rig. */
function withOutcome(report: RigReport, { outcome }: CacheIntake, startedAt: number): RigReport {
  if (outcome === undefined) return report;
  const { ms, fault } = outcome;
  const detail = fault === null ? 'used' : `not used: ${fault.reason}`;
  const phase: Phase = { name: 'cache', agent: null, work: 'git', startedAt, ms, ok: fault === null, detail };
  return { ...report, phases: [...report.phases, phase], cache: outcome };
}
