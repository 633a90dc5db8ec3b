import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AgentLog } from '../../../container/agents/agent-log.ts';
import { outputAfter } from '../../../container/agents/output-part.ts';
import { KnownSecrets } from '../../../container/known-secrets.ts';

const SECRET = 'sk-0123-ü-456789';

test('output that is read in parts, as it is written, is whole, and has no part of a secret in it', () => {
  const words = fc.array(fc.constantFrom('灯', 'a', 'sk-', '\n', SECRET), { maxLength: 12 });
  fc.assert(
    fc.property(words, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (written, sizes) => {
      const agentLog = new AgentLog();
      const secrets = new KnownSecrets([SECRET]);
      const bytes = Buffer.from(`${written.join('')}.`);
      let [at, place, read] = [0, 0, ''];
      for (let turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        agentLog.append(bytes.subarray(at, at + size));
        at += size;
        const part = outputAfter(agentLog, place, secrets);
        expect(part.from).toBe(place);
        place = part.to;
        read += part.text;
      }
      expect(read).toBe(bytes.toString().replaceAll(SECRET, '*'.repeat(Buffer.byteLength(SECRET))));
    }),
  );
});

test('output that is no longer kept is skipped, and a place that nobody has reached is the beginning', () => {
  const agentLog = new AgentLog(10);
  for (const chunk of ['0123456789', 'abc', 'defghijklmnopq']) agentLog.append(Buffer.from(chunk));
  const none = new KnownSecrets([]);
  expect(outputAfter(agentLog, 2, none)).toEqual({ from: 17, to: 27, text: 'hijklmnopq' });
  expect(outputAfter(agentLog, 25, none)).toEqual({ from: 25, to: 27, text: 'pq' });
  expect(outputAfter(agentLog, 27, none)).toEqual({ from: 27, to: 27, text: '' });
  expect(outputAfter(agentLog, 99, none)).toEqual({ from: 17, to: 27, text: 'hijklmnopq' });
});
