import { z } from 'zod';
import { Id } from './ids.ts';

/** Where snapshots lie on a git remote: under refs of their own, or as branches where the server takes no others. */
export const RefSpace = z.enum(['private', 'branches']);
export type RefSpace = z.infer<typeof RefSpace>;

/** Names one town of one deployment among all that share a repository. */
export const WipHome = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]*\.[a-z0-9]+$/)
  .max(100);

const FOLDERS: Readonly<Record<RefSpace, string>> = {
  private: 'refs/gastown/wip/',
  branches: 'refs/heads/gastown-wip/',
};

/** Whose snapshot a ref on the remote holds. */
export interface WipOwner {
  readonly home: string;
  readonly rig: string;
  readonly agent: string;
  readonly generation: number;
}

/** The home of a town: a town of the same name in another deployment, or made anew, is another one. */
export function wipHome(town: string, createdAt: number): string {
  return `${town}.${createdAt.toString(36)}`;
}

/**
 * The ref on the remote for the snapshots that an agent makes in one generation. Each generation writes only its own, so
 * that a container that was replaced cannot touch what its successor stored.
 */
export function wipRef(space: RefSpace, { home, rig, agent, generation }: WipOwner): string {
  return `${FOLDERS[space]}${rig}/${agent}/${home}.${generation}`;
}

/** The patterns of `git ls-remote` that find the snapshots of a rig, whosesoever they are. */
export function wipPatterns(rig: string): string[] {
  return Object.values(FOLDERS).map((folder) => `${folder}${rig}/*`);
}

/** Whose snapshot the ref holds; null for every other ref. */
export function wipOwnerOf(ref: string): WipOwner | null {
  const folder = Object.values(FOLDERS).find((start) => ref.startsWith(start));
  if (folder === undefined) return null;
  const [, rig, agent, home, generation] =
    /^([^/]+)\/([^/]+)\/([^/]+)\.([1-9]\d{0,14})$/.exec(ref.slice(folder.length)) ?? [];
  const parsed = z.tuple([Id, Id, WipHome]).safeParse([rig, agent, home]);
  if (!parsed.success) return null;
  return { rig: parsed.data[0], agent: parsed.data[1], home: parsed.data[2], generation: Number(generation) };
}

/** The space that a ref of `wipRef` is in. */
export function spaceOf(ref: string): RefSpace {
  return ref.startsWith(FOLDERS.branches) ? 'branches' : 'private';
}
