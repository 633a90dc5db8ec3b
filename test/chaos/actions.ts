import { z } from 'zod';

const Path = z.string().min(1);

/** One thing that a writer does in its worktree; paths are relative to it. */
export const Action = z.discriminatedUnion('kind', [
  /** Overwrites the file in place: for a moment it is empty or half written. */
  z.object({ kind: z.literal('write'), path: Path, lines: z.int().nonnegative() }),
  /** Puts a whole new file in the place of the old one, as editors do. */
  z.object({ kind: z.literal('replace'), path: Path, lines: z.int().nonnegative() }),
  z.object({ kind: z.literal('append'), path: Path }),
  z.object({ kind: z.literal('delete'), path: Path }),
  z.object({ kind: z.literal('rename'), path: Path, to: Path }),
  z.object({ kind: z.literal('stage'), path: Path }),
  z.object({ kind: z.literal('stage all') }),
  z.object({ kind: z.literal('commit') }),
  z.object({ kind: z.literal('push') }),
]);
export type Action = z.infer<typeof Action>;

/** What action `n` writes: no other action writes the same. */
export function contentOf(n: number, path: string, lines: number): string {
  const body = Array.from({ length: lines }, (_, line) => `line ${line} of action ${n}\n`);
  return [`action ${n} wrote ${path}\n`, ...body].join('');
}

/** What action `n` appends. */
export function appendedBy(n: number): string {
  return `action ${n} appended\n`;
}
