import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BOOT_HEADER, CONTROL, TOKEN_HEADER } from '../../../src/contract/control.ts';
import { CONTRACT_HEADER, CONTRACT_VERSION } from '../../../src/contract/version.ts';
import { body, expectAnswer, name } from '../../fuzz/requests.ts';
import { startControl } from './control-process.ts';
import { startFakeWorker, TOKEN } from './fake-worker.ts';

const RUNS = 25;
const KEYS = [
  'life',
  'agents',
  'gitUrl',
  'startId',
  'bead',
  'branch',
  'role',
  'command',
  'snapshots',
  'event',
];

test('whatever is sent to a control server, nothing breaks, and nothing happens for who is not its Worker', async () => {
  const worker = await startFakeWorker();
  const control = await startControl(worker.url);
  const tokens = fc.constantFrom(TOKEN, `${TOKEN}x`, '', 'guess');
  const present = String(CONTRACT_VERSION);
  const contracts = fc.constantFrom(present, present, present, '0', 'x', null);
  const boots = fc.constantFrom(control.bootId, 'f'.repeat(32), 'x', null);
  for (const { method, path } of Object.values(CONTROL)) {
    const places = fc.array(name(['rig', 'a']), { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(
        places,
        body(KEYS),
        tokens,
        boots,
        contracts,
        async (names, sent, token, boot, contract) => {
          const left = [...names];
          const target = control.url + path.replaceAll(/:\w+/g, () => left.shift() ?? 'x');
          const hasBody = method !== 'GET' && sent !== null;
          const answer = await fetch(target, {
            method,
            headers: {
              authorization: `Bearer ${token}`,
              ...(contract === null ? {} : { [CONTRACT_HEADER]: contract }),
              ...(token === TOKEN ? {} : { [TOKEN_HEADER]: 'planted' }),
              ...(boot === null ? {} : { [BOOT_HEADER]: boot }),
              ...(hasBody ? { 'content-type': sent.type } : {}),
            },
            ...(hasBody ? { body: sent.text } : {}),
          });
          const what = `${method} ${target} ${JSON.stringify(sent)}`;
          const problem = await expectAnswer(answer, what);
          if (token !== TOKEN && path !== CONTROL.health.path)
            expect(problem?.code, what).toBe('unauthorized');
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
  }
  expect((await control.call(CONTROL.agents)).json()).toEqual([]);
  expect(worker.newestToken()).toBe(TOKEN);
  expect(worker.problems).toEqual([]);
});
