import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AgentLog, Tail } from '../../../container/agents/agent-log.ts';

const chunks = fc.array(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => bytes.map((byte) => 32 + (byte % 90))),
);

test.each([
  ['a log', (max: number) => new AgentLog(max)],
  ['a tail', (max: number) => new Tail(max)],
])('%s keeps exactly the last bytes of what was written', (_, make) => {
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 300 }), (written, max) => {
      const kept = make(max);
      for (const chunk of written) kept.append(chunk);
      expect(kept.text()).toBe(Buffer.concat(written).subarray(-max).toString('latin1'));
    }),
  );
});

test('a tail keeps what was in a chunk whose bytes are used again', () => {
  const tail = new Tail(10);
  const chunk = Buffer.from('first');
  tail.append(chunk);
  chunk.write('later');
  tail.append(chunk);
  expect(tail.text()).toBe('firstlater');
});

test('a log holds the last bytes, and no more, however much is written', () => {
  const log = new AgentLog(150_000);
  for (let line = 0; line < 100_000; line += 1) log.append(Buffer.from(`${String(line).padStart(9)}\n`));
  expect(log.text()).toHaveLength(150_000);
  expect(log.text().startsWith('    85000\n')).toBe(true);
  expect(log.text().endsWith('    99999\n')).toBe(true);
});

test('a text does not begin with half a character', () => {
  const tail = new Tail(5);
  tail.append(Buffer.from('点灯点'));
  expect(tail.text()).toBe('点');
});

test('a mark begins on a line of its own', () => {
  const log = new AgentLog();
  log.mark('start', 0);
  log.append(Buffer.from('no line end'));
  log.mark('start', 0);
  const line = '--- start 1970-01-01T00:00:00.000Z ---\n';
  expect(log.text()).toBe(`${line}no line end\n${line}`);
});
