import { SELF } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import {
  beat,
  lifeOf,
  litTown,
  loseContainer,
  patiently,
  problemCode,
  restoredIn,
  settled,
  sightingOf,
} from './scene.ts';
import { callback, operator } from './town.ts';

/** The samples of a scrape by their names and labels. */
async function scrape(query: string): Promise<Map<string, number>> {
  const answer = await operator('GET', `/metrics${query}`);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

describe('the metrics', () => {
  it('count recoveries by outcome and time, agents by status, work at risk, and fenced messages', async () => {
    const asked = await litTown('counted', ['ada', 'bob']);
    await settled('counted', 'complete');
    await loseContainer('counted');
    await restoredIn(2, asked);
    const stale = {
      life: lifeOf('counted', 1),
      rig: 'hono',
      agent: 'ada',
      bead: 'bead-ada',
      head: null,
      data: 1,
    };
    expect(await problemCode(await callback('counted', 'checkpoint', stale), 409)).toBe('stale_generation');
    await vi.waitFor(async () => {
      const seen = await scrape('?town=counted');
      expect(seen.get('relight_recoveries_total{town="counted",outcome="complete"}')).toBe(2);
      expect(seen.get('relight_fenced_messages_total{town="counted"}')).toBe(1);
    }, patiently);
    const seen = await scrape('?town=counted');
    const bucket = (le: string) => seen.get(`relight_recovery_seconds_bucket{town="counted",le="${le}"}`);
    expect(bucket('+Inf')).toBe(2);
    expect(bucket('600')).toBe(2);
    expect(bucket('1')).toBeLessThanOrEqual(bucket('2') ?? 0);
    expect(seen.get('relight_recovery_seconds_count{town="counted"}')).toBe(2);
    expect(seen.get('relight_recovery_seconds_sum{town="counted"}')).toBeGreaterThan(0);
    const agents = ['idle', 'pending', 'starting', 'working', 'stalled', 'failed'].map(
      (status) => seen.get(`relight_agents{town="counted",status="${status}"}`) ?? Number.NaN,
    );
    expect(agents.reduce((sum, n) => sum + n)).toBe(2);
    expect(seen.get('relight_snapshots_at_risk{town="counted"}')).toBe(0);
    expect(seen.get('relight_generation{town="counted"}')).toBe(2);
    expect(seen.get('relight_towns{state="lit"}')).toBe(1);
  });

  it('tell of agents whose work is at risk', async () => {
    const asked = await litTown('risky');
    const atRisk = { code: 'snapshot_store', reason: 'away', retryable: true } as const;
    asked.sightings = [{ ...sightingOf(asked, 'ada'), atRisk }];
    await beat('risky', asked);
    await vi.waitFor(
      async () =>
        expect((await scrape('?town=risky')).get('relight_snapshots_at_risk{town="risky"}')).toBe(1),
      patiently,
    );
  });

  it('are of all towns unless some are named, and say how many did not answer', async () => {
    await operator('PUT', '/api/towns/here', {});
    const all = await scrape('');
    expect(all.get('relight_generation{town="here"}')).toBe(0);
    const some = await scrape('?town=here&town=nowhere');
    expect(some.get('relight_towns{state="dark"}')).toBe(1);
    expect(some.get('relight_towns_silent')).toBe(1);
  });

  it('are for operators only', async () => {
    const answer = await SELF.fetch('https://relight.test/metrics');
    expect(await problemCode(answer, 401)).toBe('unauthorized');
    expect(await problemCode(await operator('GET', '/metrics?town=a/b'), 400)).toBe('invalid_request');
  });
});
