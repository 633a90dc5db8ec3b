import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, removeAny, writeWhole } from '../files/write.ts';
import { namesIn } from '../git/worktree-registry.ts';
import { isStatePath, STATE_FOLDERS } from './agent-state.ts';
import type { Place } from './place.ts';
import type { SavedState } from './saved-state.ts';

/** Puts the files of operations in progress into the admin folder, and takes away those of any other. */
export async function putStateBack({ admin }: Place, files: SavedState['files']): Promise<void> {
  for (const name of await readdir(admin)) {
    if (isStatePath(name) || (STATE_FOLDERS.includes(name) && name !== 'refs')) {
      await removeAny(join(admin, name));
    }
  }
  // The folder itself is part of what makes an admin folder one.
  for (const name of await namesIn(join(admin, 'refs'))) {
    await removeAny(join(admin, 'refs', name));
  }
  for (const [path, content] of files) {
    const place = join(admin, path);
    makeFolder(dirname(place));
    writeWhole(place, Buffer.from(content, 'base64'));
  }
}
