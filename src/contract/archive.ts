import { z } from 'zod';
import { AgentSpec, Bead, Checkpoint, CHECKPOINT_MAX_BYTES } from './agent.ts';
import { BranchName } from './git-names.ts';
import { Id, Instant } from './ids.ts';
import { RigSpec } from './rig.ts';
import { bytesOf } from './text.ts';
import { TownSettings } from './town.ts';

/** The largest archive that is taken in, in bytes. */
export const ARCHIVE_MAX_BYTES = 24 * 1024 * 1024;

/**
 * The schema of an archive: what a town is beside its container, which are settings, registry, rosters with the oldest beads
 * first, and checkpoints, newest first. Secrets are in it by name only; work that is not pushed is not in it. `data` is the
 * schema of any JSON.
 */
export function archiveSchema<Data extends z.ZodType<z.core.util.JSONType>>(data: Data) {
  const checkpoint = Checkpoint.extend({ data }).refine(
    (each: object) => 'data' in each && bytesOf(JSON.stringify(each.data)) <= CHECKPOINT_MAX_BYTES,
    { message: `has at most ${CHECKPOINT_MAX_BYTES} bytes of JSON` },
  );
  const agent = AgentSpec.extend({
    agent: Id,
    bead: Bead.nullable(),
    branch: BranchName.nullable(),
    checkpoints: z.array(checkpoint).max(200),
  }).refine(({ bead, branch }) => (bead === null) === (branch === null), {
    message: 'has a bead and its branch, or neither',
  });
  const agents = z.array(agent).max(1_000).refine(isUnique('agent'), 'are named twice');
  const rigs = z
    .array(z.object({ rig: Id, spec: RigSpec, agents }))
    .max(1_000)
    .refine(isUnique('rig'), 'are named twice');
  return z.object({
    format: z.literal('relight-town-1'),
    town: Id,
    exportedAt: Instant,
    settings: TownSettings,
    rigs,
  });
}

export const TownArchive = archiveSchema(z.json());
export type TownArchive = z.infer<typeof TownArchive>;
export type RigArchive = TownArchive['rigs'][number];
export type AgentArchive = RigArchive['agents'][number];

function isUnique<Key extends string>(key: Key): (all: readonly Record<Key, string>[]) => boolean {
  return (all) => new Set(all.map((each) => each[key])).size === all.length;
}
