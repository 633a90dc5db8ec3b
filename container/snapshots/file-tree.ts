import { createHash } from 'node:crypto';
import type { BytePath } from './byte-path.ts';
import type { ObjectFormat } from './index-file.ts';

/** An entry of a tree: git's mode in octal, and the name of the object. */
export interface TreeEntry {
  readonly mode: string;
  readonly oid: string;
}

/** A folder of a tree. It is never changed, but for the name of its object once that is in the repository. */
export interface FolderNode {
  readonly entries: ReadonlyMap<string, TreeEntry>;
  readonly folders: ReadonlyMap<string, FolderNode>;
  oid: string | null;
}

interface Draft extends FolderNode {
  readonly entries: Map<string, TreeEntry>;
  readonly folders: Map<string, FolderNode>;
}

/** The mode of a folder in a tree object. */
export const FOLDER_MODE = '40000';

/** Changes a tree by copying the folders on the way: all others are shared with the tree that it was made from. */
export class TreeEditor {
  readonly #drafts = new Map<FolderNode, Draft>();
  #root: FolderNode;

  constructor(root: FolderNode | null) {
    this.#root = root ?? { entries: new Map(), folders: new Map(), oid: null };
  }

  get root(): FolderNode {
    return this.#root;
  }

  get(path: BytePath): TreeEntry | undefined {
    const { folders, name } = split(path);
    let node: FolderNode | undefined = this.#root;
    for (const folder of folders) node = node?.folders.get(folder);
    return node?.entries.get(name);
  }

  /** Puts an entry in place, instead of a folder or file that is in its way. */
  set(path: BytePath, entry: TreeEntry): void {
    const now = this.get(path);
    if (now?.oid === entry.oid && now.mode === entry.mode) return;
    const { folders, name } = split(path);
    let node = this.#draftRoot();
    for (const folder of folders) {
      node.entries.delete(folder);
      node = this.#draftBelow(node, folder);
    }
    node.folders.delete(name);
    node.entries.set(name, entry);
  }

  /** Takes an entry away, and the folders that are empty without it. */
  remove(path: BytePath): void {
    if (this.get(path) === undefined) return;
    const { folders, name } = split(path);
    const way = [this.#draftRoot()];
    for (const folder of folders) way.push(this.#draftBelow(way.at(-1) ?? this.#draftRoot(), folder));
    way.at(-1)?.entries.delete(name);
    for (let depth = folders.length; depth > 0; depth -= 1) {
      const node = way[depth];
      if (node === undefined || node.entries.size + node.folders.size > 0) return;
      way[depth - 1]?.folders.delete(folders[depth - 1] ?? '');
    }
  }

  #draftRoot(): Draft {
    const draft = this.#draftOf(this.#root);
    this.#root = draft;
    return draft;
  }

  #draftBelow(above: Draft, folder: string): Draft {
    const node = above.folders.get(folder) ?? { entries: new Map(), folders: new Map(), oid: null };
    const draft = this.#draftOf(node);
    above.folders.set(folder, draft);
    return draft;
  }

  #draftOf(node: FolderNode): Draft {
    const known = this.#drafts.get(node);
    if (known !== undefined) return known;
    const draft: Draft = { entries: new Map(node.entries), folders: new Map(node.folders), oid: null };
    this.#drafts.set(draft, draft);
    return draft;
  }
}

function split(path: BytePath): { folders: string[]; name: string } {
  const folders = path.split('/');
  const name = folders.pop() ?? '';
  return { folders, name };
}

/** All entries below a folder, by path. */
export function* entriesOf(node: FolderNode, above = ''): Generator<[BytePath, TreeEntry]> {
  for (const [name, entry] of node.entries) yield [above + name, entry];
  for (const [name, folder] of node.folders) yield* entriesOf(folder, `${above}${name}/`);
}

/** A tree object that is to be written for a folder. */
export interface PlannedTree {
  readonly node: FolderNode;
  readonly oid: string;
  readonly body: Buffer;
}

/** The tree objects that a folder needs and that are not known to be in the repository, the outermost last. */
export function planTrees(node: FolderNode, format: ObjectFormat): { root: string; planned: PlannedTree[] } {
  const planned: PlannedTree[] = [];
  return { root: planTree(node, format, planned), planned };
}

function planTree(node: FolderNode, format: ObjectFormat, planned: PlannedTree[]): string {
  if (node.oid !== null) return node.oid;
  // Git sorts folders as if their names ended with a slash, by bytes, which is the order of Latin-1 text.
  const keyOf = (name: string, mode: string): string => (mode === FOLDER_MODE ? `${name}/` : name);
  const lines = [...node.entries].map(([name, entry]) => ({ key: keyOf(name, entry.mode), name, entry }));
  for (const [name, folder] of node.folders) {
    const oid = planTree(folder, format, planned);
    lines.push({ key: `${name}/`, name, entry: { mode: FOLDER_MODE, oid } });
  }
  lines.sort((one, other) => (one.key < other.key ? -1 : 1));
  const body = Buffer.concat(
    lines.flatMap(({ name, entry: { mode, oid } }) => [
      Buffer.from(`${mode} ${name}\0`, 'latin1'),
      Buffer.from(oid, 'hex'),
    ]),
  );
  const oid = createHash(format).update(`tree ${body.length}\0`).update(body).digest('hex');
  planned.push({ node, oid, body });
  return oid;
}
