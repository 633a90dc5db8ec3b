import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Which rooms a file of each room may import from, besides its own. `types` are rooms of which only types may be taken. */
const MAY_IMPORT: Record<string, { rooms: string[]; types?: string[] }> = {
  'src/contract': { rooms: [] },
  'src/rules': { rooms: ['src/contract'] },
  'src/platform': { rooms: ['src/contract'] },
  'src/tables': { rooms: ['src/contract', 'src/rules'] },
  'src/objects': { rooms: ['src/tables', 'src/rules', 'src/platform', 'src/contract'] },
  'src/http': { rooms: ['src/objects', 'src/platform', 'src/contract'] },
  workflows: { rooms: ['src/contract', 'src/rules', 'src/platform'], types: ['src/objects'] },
  container: { rooms: ['src/contract'] },
  dev: { rooms: ['src/contract'] },
  bench: { rooms: ['src/contract', 'src/rules', 'container', 'dev'] },
};

const ROOMS = Object.keys(MAY_IMPORT).toSorted((a, b) => b.length - a.length);

/** The room of a path from the root; null for the composition root and for what is in no room. */
function roomOf(path: string): string | null {
  return ROOMS.find((room) => path.startsWith(`${room}/`)) ?? null;
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

async function localImports(): Promise<Import[]> {
  const found: Import[] = [];
  for await (const file of glob('{src,workflows,container,dev,bench}/**/*.{ts,tsx}', { cwd: ROOT })) {
    const text = await readFile(join(ROOT, file), 'utf8');
    for (const [, isType, target] of text.matchAll(
      /^(?:import|export)\s(type\s)?[^'";]*?from '(\.[^']+)'/gm,
    )) {
      found.push({
        from: file,
        to: normalize(join(dirname(file), target ?? '')),
        isType: isType !== undefined,
      });
    }
    for (const [, target] of text.matchAll(/import\('(\.[^']+)'\)/g)) {
      found.push({ from: file, to: normalize(join(dirname(file), target ?? '')), isType: false });
    }
  }
  return found;
}

describe('the rooms', () => {
  it('are imported only by who may import them', async () => {
    const imports = await localImports();
    expect(imports.length).toBeGreaterThan(200);
    const forbidden = imports.filter(({ from, to, isType }) => {
      const [room, target] = [roomOf(from), roomOf(to)];
      if (from === 'src/worker.ts' || room === null || room === target) return false;
      const { rooms, types = [] } = MAY_IMPORT[room] ?? { rooms: [] };
      return target === null || !(rooms.includes(target) || (isType && types.includes(target)));
    });
    expect(forbidden.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('have a contract that imports nothing but zod', async () => {
    const foreign: string[] = [];
    for await (const file of glob('src/contract/**/*.ts', { cwd: ROOT })) {
      const text = await readFile(join(ROOT, file), 'utf8');
      for (const [, target] of text.matchAll(/from '([^.'][^']*)'/g))
        if (target !== 'zod') foreign.push(`${file}: ${target}`);
    }
    expect(foreign).toEqual([]);
  });

  it('have files of at most 300 lines', async () => {
    const long: string[] = [];
    for await (const file of glob('{src,workflows,container,dev,bench,test}/**/*.{ts,tsx,js}', {
      cwd: ROOT,
    })) {
      const lines = (await readFile(join(ROOT, file), 'utf8')).split('\n').length;
      if (lines > 301) long.push(`${file}: ${lines}`);
    }
    expect(long).toEqual([]);
  });
});

describe('the documents', () => {
  it('name only paths that exist', async () => {
    const missing: string[] = [];
    for await (const file of glob(['*.md', 'docs/**/*.md'], { cwd: ROOT })) {
      const text = await readFile(join(ROOT, file), 'utf8');
      const named = [
        ...[...text.matchAll(/`((?:src|workflows|container|dev|bench|test|docs)\/[\w./-]*[\w/])`/g)].map(
          ([, path]) => path,
        ),
        ...[...text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)].map(([, path]) =>
          relative(ROOT, join(ROOT, dirname(file), path ?? '')),
        ),
      ];
      for (const path of named)
        if (path !== undefined && !existsSync(join(ROOT, path))) missing.push(`${file}: ${path}`);
    }
    expect(missing).toEqual([]);
  });
});
