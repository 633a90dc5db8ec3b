import { resetSync } from '@logtape/logtape';
import { expect, onTestFinished, test, vi } from 'vitest';
import { KnownSecrets } from '../../../container/known-secrets.ts';
import { configureLog, log } from '../../../container/log.ts';

test('a log line is an event with its facts, says whose it is, and shows no secret', () => {
  const written: string[] = [];
  const write = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => written.push(String(text)) > 0);
  onTestFinished(() => {
    write.mockRestore();
    resetSync();
  });
  const owner = { town: 'home', bootId: 'b1', generation: null as number | null };
  configureLog(new KnownSecrets(['s3cret+value', 'with "quotes"']), () => owner);
  log.info('rig.restored', { rig: 'rig', agents: 8, token: 'abc', nested: { password: 'def' } });
  owner.generation = 3;
  log.warn('trouble', {
    reason:
      'got s3cret+value, with "quotes", Bearer abcdefghijkl, https://user:ghi@host/x and ghp_0123456789abcdefghij',
  });
  const [first, second] = written.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toMatchObject({
    level: 'info',
    event: 'rig.restored',
    town: 'home',
    generation: null,
    agents: 8,
  });
  expect(second).toMatchObject({ level: 'warning', event: 'trouble', bootId: 'b1', generation: 3 });
  for (const secret of ['abc"', 'def', 's3cret', 'quotes', 'abcdefghijkl', 'ghi@', 'ghp_0']) {
    expect(written.join('')).not.toContain(secret);
  }
  expect(written.every((line) => line.endsWith('}\n'))).toBe(true);
});
