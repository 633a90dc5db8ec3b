import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** What a program loads before it runs, besides its own files: the static imports that are not of types only. */
async function loadedBy(file: URL, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file.href)) return new Set();
  seen.add(file.href);
  const loaded = new Set<string>();
  const source = await readFile(fileURLToPath(file), 'utf8');
  for (const [, what] of source.matchAll(/^import (?!type )[^;]*?'([^']+)';$/gm)) {
    if (what?.startsWith('.') !== true) loaded.add(what ?? '');
    else for (const more of await loadedBy(new URL(what, file), seen)) loaded.add(more);
  }
  return loaded;
}

test.each(['gt.ts', 'git-credential.ts', 'git-ssh.ts'])(
  '%s starts quickly: it loads nothing big',
  async (name) => {
    const loaded = [...(await loadedBy(new URL(`../../../container/tools/${name}`, import.meta.url)))];
    expect(loaded).toContain('node:timers/promises');
    expect(loaded.filter((what) => !what.startsWith('node:') || what === 'node:http')).toEqual([]);
  },
);
