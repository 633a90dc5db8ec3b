import { z } from 'zod';
import { isStatePath } from './agent-state.ts';
import { SnapshotError } from './errors.ts';
import { WorktreeFacts } from './worktree-facts.ts';

const Path = z.string().min(1);

/** The entries of an index that a tree does not hold or not wholly, and its "resolve undo" extension. */
const SavedIndex = z
  .object({
    special: z.array(
      z.object({
        path: Path,
        mode: z.int(),
        oid: z.string().regex(/^[0-9a-f]{40,64}$/),
        stage: z.int().min(0).max(3),
        assumeUnchanged: z.boolean(),
        skipWorktree: z.boolean(),
        intentToAdd: z.boolean(),
      }),
    ),
    undo: z.base64(),
  })
  .nullable();
export type SavedIndex = z.infer<typeof SavedIndex>;

/** What a snapshot holds besides files and commits: one JSON text in its state commit. Paths have one character a byte. */
export const SavedState = z.object({
  index: SavedIndex,
  facts: WorktreeFacts,
  /** Of the worktree's admin folder: what git keeps of operations in progress, in base64. */
  files: z.array(z.tuple([Path.refine(isStatePath), z.base64()])),
});
export type SavedState = z.infer<typeof SavedState>;

/** Names in the tree of a state commit. */
export const STATE_TREE = { state: 'state.json', objects: 'objects/', home: 'home/' } as const;

/** Where a state commit has the n-th chunk of a file of the agent's HOME. */
export function chunkPath(path: string, n: number): string {
  return `${STATE_TREE.home}${path}/${String(n).padStart(6, '0')}`;
}

/** Reads the text of a saved state. Throws a SnapshotError `corrupt`. */
export function savedStateFrom(text: string): SavedState {
  try {
    return SavedState.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error;
    throw new SnapshotError('corrupt', 'the state of the worktree cannot be read', { cause: error });
  }
}
