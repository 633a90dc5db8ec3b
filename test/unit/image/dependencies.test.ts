import { glob, readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '../../..');
const Manifest = z.object({ dependencies: z.record(z.string(), z.string()) });

async function dependenciesOf(manifest: string): Promise<Record<string, string>> {
  return Manifest.parse(JSON.parse(await readFile(join(ROOT, manifest), 'utf8'))).dependencies;
}

/** The packages that a file imports when it runs, now or later; those of which it takes types alone are left out. */
function packagesIn(text: string): string[] {
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\s(?!type\s)[^'";]*?from '([^.'][^']*)'/gm),
    ...text.matchAll(/^import '([^.'][^']*)'/gm),
    ...text.matchAll(/\bimport\('([^.'][^']*)'\)/g),
  ].map(([, specifier]) => specifier ?? '');
  return specifiers
    .filter((specifier) => !isBuiltin(specifier))
    .map((specifier) =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    );
}

it('what the control server imports is in the image, in the version of the rest, and nothing else is', async () => {
  const imported = new Set<string>();
  for await (const file of glob('{container,src/contract}/**/*.ts', { cwd: ROOT }))
    for (const name of packagesIn(await readFile(join(ROOT, file), 'utf8'))) imported.add(name);
  const listed = await dependenciesOf('container/package.json');
  expect([...imported].toSorted()).toEqual(Object.keys(listed).toSorted());
  const others = await dependenciesOf('package.json');
  for (const [name, version] of Object.entries(listed)) expect(others[name] ?? version, name).toBe(version);
});

it('what a file imports is told from types, built-in modules and files beside it', () => {
  const text = [
    "import { a } from 'plain/part';",
    "import type { B } from 'only-types';",
    "import { x,\n  y } from '@scope/name/part.js';",
    "import 'effects';",
    "import { join } from 'node:path';",
    "import { c } from './beside.ts';",
    "const d = await import('later');",
  ].join('\n');
  expect(packagesIn(text).toSorted()).toEqual(['@scope/name', 'effects', 'later', 'plain']);
});
