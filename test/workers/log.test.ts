import { describe, expect, it, vi } from 'vitest';
import { jsonOf, lifeOf, litTown, patiently, problemCode, sightingOf } from './scene.ts';
import { callback, operator } from './town.ts';

describe("an agent's output", () => {
  it('is shown while it runs, also an empty one, from a place on, and its last words in a dark town', async () => {
    const asked = await litTown('logs');
    const at = '/api/towns/logs/rigs/hono/agents/ada/log';
    expect(await (await operator('GET', at)).text()).toBe('the last lines');
    asked.intercept = ({ path }) =>
      path.endsWith('/log') ? new Response('', { headers: { 'content-type': 'text/plain' } }) : null;
    const empty = await operator('GET', at);
    expect(empty.status, await empty.clone().text()).toBe(200);
    expect(await empty.text()).toBe('');
    asked.intercept = ({ path }) => {
      const after = Number(/\/log\/(\d+)$/.exec(path)?.[1] ?? Number.NaN);
      return Number.isNaN(after) ? null : Response.json({ from: Math.max(after, 3), to: 9, text: 'output' });
    };
    const { bootId } = lifeOf('logs');
    expect(await jsonOf(operator('GET', `${at}/start`))).toEqual({
      text: 'output',
      next: `${bootId}-9`,
      skipped: 0,
    });
    expect(await jsonOf(operator('GET', `${at}/${bootId}-1`))).toMatchObject({ skipped: 2 });
    expect(await jsonOf(operator('GET', `${at}/${'f'.repeat(32)}-1`))).toMatchObject({ skipped: 0 });
    await callback('logs', 'agent-exit', {
      life: lifeOf('logs'),
      ...sightingOf(asked, 'ada'),
      cause: 'exited',
      exit: { code: 3, signal: null, ranMs: 5, tail: 'oh no' },
    });
    await jsonOf(operator('POST', '/api/towns/logs/container', { action: 'stop' }));
    await vi.waitFor(async () => expect(await (await operator('GET', at)).text()).toBe('oh no'), patiently);
    expect(await problemCode(await operator('GET', `${at}/start`), 409)).toBe('container_not_running');
  });
});
