import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { removeTree } from '../../../dev/engine/disk.ts';

test('removes a directory with read-only directories and links in it, but not what the links point at', async () => {
  const place = await mkdtemp(join(tmpdir(), 'rl-'));
  const outside = join(place, 'outside');
  await writeFile(outside, 'kept');
  const inner = join(place, 'tree', 'read-only');
  await mkdir(inner, { recursive: true });
  await writeFile(join(inner, 'file'), '');
  await symlink(outside, join(inner, 'link'));
  await symlink(place, join(place, 'tree', 'up'));
  await chmod(inner, 0o500);
  await removeTree(join(place, 'tree'));
  expect(existsSync(join(place, 'tree'))).toBe(false);
  expect(await readFile(outside, 'utf8')).toBe('kept');
  await removeTree(place);
});
