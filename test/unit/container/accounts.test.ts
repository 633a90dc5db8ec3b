import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Accounts, type AccountFiles } from '../../../container/users/accounts.ts';
import { makeWorkspace } from './control-process.ts';

const PASSWD = 'root:x:0:0:root:/root:/bin/bash\nsomebody:x:20004:20004::/home/somebody:/bin/sh\n';
const GROUP = 'root:x:0:\nsomebody:x:20004:\ncrowd:x:20006:\n';

async function systemFiles(): Promise<AccountFiles> {
  const dir = await makeWorkspace();
  const files = { passwd: join(dir, 'passwd'), group: join(dir, 'group') };
  await writeFile(files.passwd, PASSWD);
  await writeFile(files.group, GROUP);
  return files;
}

test('accounts are allotted once, from numbers that nobody has', async () => {
  const files = await systemFiles();
  const accounts = new Accounts(files);
  const rig = accounts.of('rig', { home: '/rig' });
  const agent = accounts.of('rig/a', { home: '/home/a', gid: rig.gid });
  expect([rig, agent]).toEqual([
    { uid: 20007, gid: 20007, home: '/rig' },
    { uid: 20008, gid: 20007, home: '/home/a' },
  ]);
  expect(accounts.of('rig', { home: '/else' })).toEqual(rig);
  expect(accounts.homeOf(agent.uid)).toBe('/home/a');
  expect(() => accounts.homeOf(20004)).toThrow('20004');
  expect(await readFile(files.passwd, 'utf8')).toMatch(
    /^root:.*\nsomebody:.*\n(gt-\w+):\*:20007:20007:relight rig:\/rig:\/bin\/sh\ngt-\w+:\*:20008:20007:relight rig\/a:.*\n$/,
  );
  expect(await readFile(files.group, 'utf8')).toMatch(/crowd:x:20006:\ngt-\w+:x:20007:\n$/);
});

test('accounts are read back from the lists, also after a line that was cut off', async () => {
  const files = await systemFiles();
  const before = new Accounts(files);
  const rig = before.of('rig', { home: '/rig' });
  await appendFile(files.passwd, 'gt-1234:*:20008:20007:relight rig/a:/ho');
  const after = new Accounts(files);
  expect(after.of('rig', { home: '/rig' })).toEqual(rig);
  const agent = after.of('rig/a', { home: '/home/a', gid: rig.gid });
  expect(agent.uid).toBe(20009);
  expect(new Accounts(files).of('rig/a', { home: '/home/a' })).toEqual(agent);
});
