import { describe, expect, it, vi } from 'vitest';
import { faultOf } from '../../src/contract/errors.ts';
import { signedIn } from './browser.ts';
import { beat, failedReport, jsonOf, lifeOf, litTown, patiently, recoveryOf, settled } from './scene.ts';
import { addRig, agentStatus, callback, goodReport, latestRecovery, makeTown, operator } from './town.ts';

/** What a page says, without its tags. */
function wordsOf(html: string): string {
  return html
    .replaceAll(/<(?:title|script|style)\b.*?<\/(?:title|script|style)>/gs, ' ')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');
}

describe('the dashboard', () => {
  it('lists the towns with their state and why', async () => {
    await litTown('listed-lit');
    await makeTown('listed-dark');
    const words = wordsOf(await (await signedIn()).page('/'));
    expect(words).toMatch(/listed-lit lit All rigs are there\. 1/);
    expect(words).toMatch(/listed-dark dark No container runs\. The first sling starts one\./);
  });

  it('shows a town with its recovery, rigs, agents, checkpoints and boots', async () => {
    const asked = await litTown('shown');
    const life = lifeOf('shown');
    const mine = { life, rig: 'hono', agent: 'ada', bead: 'bead-ada' };
    await jsonOf(callback('shown', 'checkpoint', { ...mine, head: 'b'.repeat(40), data: {} }));
    const atRisk = faultOf('snapshot_store', 'the bucket is away');
    asked.sightings = asked.sightings.map((sighting) => ({ ...sighting, atRisk }));
    await beat('shown', asked);
    const html = await (await signedIn()).page('/towns/shown');
    const words = wordsOf(html);
    expect(words).toContain('Recovery of generation 1 complete');
    expect(words).toMatch(/ada working bead-ada do it gt\/ada\/bead-ada 0 (?:now|\d+ s ago) on bbbbbbbb/);
    expect(words).toContain('at risk : the bucket is away');
    expect(words).toMatch(/1 (?:now|\d+ s ago) runs boot-/);
    expect(words).toContain('1 boot: median');
    expect(html).toMatch(/aria-label="[^"]*fetch, 0 ms/);
  });

  it('says why a rig failed, and brings it back when that is wanted', async () => {
    let isBroken = true;
    await makeTown('mended', (rig, request) =>
      isBroken ? failedReport(rig, 'git_auth') : goodReport(rig, request),
    );
    await addRig('mended', 'hono', ['ada']);
    await settled('mended', 'failed');
    const browser = await signedIn();
    const before = wordsOf(await browser.page('/towns/mended'));
    expect(before).toContain('degraded rig hono: git_auth of hono');
    expect(before).toMatch(/Retry rig hono/);
    isBroken = false;
    expect(wordsOf(await browser.page('/towns/mended/rigs/hono/replay'))).toContain(
      'also one that has failed',
    );
    const done = await browser.post('/towns/mended/rigs/hono/replay');
    expect(done.headers.get('location')).toBe('/towns/mended');
    expect(wordsOf(await browser.page('/towns/mended'))).toMatch(
      /Done\. Rig hono is being brought back by replay-/,
    );
    await settled('mended', 'complete');
    expect(wordsOf(await browser.page('/towns/mended'))).not.toContain('Done.');
  });

  it('shows a recovery by itself and beside another on the same scale', async () => {
    await litTown('compared');
    const { recoveryId } = await jsonOf(operator('POST', '/api/towns/compared/recoveries', {}));
    await vi.waitFor(
      async () => expect(await latestRecovery('compared')).toMatchObject({ recoveryId, status: 'complete' }),
      patiently,
    );
    const browser = await signedIn();
    const at = `/towns/compared/recoveries/${recoveryOf('compared')}`;
    expect(wordsOf(await browser.page(at))).toMatch(/Recovery of generation 1 complete after .* by its boot/);
    const both = wordsOf(await browser.page(`${at}?with=${String(recoveryId)}`));
    expect(both).toMatch(/by its boot .* replayed by hand/);
    const axes = (await browser.page(`${at}?with=${String(recoveryId)}`)).match(
      /<svg class="axis".*?<\/svg>/gs,
    );
    expect(axes?.length).toBe(2);
    expect(axes?.[0]).toBe(axes?.[1]);
  });

  it('retries a failed bead, and refuses where the agent has another one by now', async () => {
    const missing = faultOf('missing_base', 'there is no branch to start from');
    let isMissing = true;
    const asked = await makeTown('retried', (rig, request) => {
      const good = goodReport(rig, request);
      if (!isMissing) return good;
      return {
        ...good,
        status: 'partial',
        agents: good.agents.map((agent) => ({ ...agent, fault: missing })),
      };
    });
    await addRig('retried', 'hono', ['ada']);
    await vi.waitFor(
      async () => expect((await agentStatus('retried', 'hono', 'ada')).status).toBe('failed'),
      patiently,
    );
    isMissing = false;
    const browser = await signedIn();
    const at = '/towns/retried/rigs/hono/agents/ada';
    expect(wordsOf(await browser.page(`${at}/retry`))).toContain('Retry bead-ada of ada?');
    await browser.post(`${at}/retry`, { bead: 'bead-old' });
    expect(wordsOf(await browser.page(at))).toContain('Refused. ada has bead-ada by now (agent_busy)');
    await browser.post(`${at}/retry`, { bead: 'bead-ada' });
    expect(wordsOf(await browser.page(at))).toContain('Done. ada goes on with bead-ada.');
    await vi.waitFor(() => expect(asked.starts).toHaveLength(1), patiently);
  });

  it('starts, stops and kills the container, and snapshots an agent', async () => {
    const asked = await litTown('acted');
    const browser = await signedIn();
    const at = '/towns/acted';
    const ask = async (path: string): Promise<string> => {
      const { headers } = await browser.post(path);
      return wordsOf(await browser.page(headers.get('location') ?? ''));
    };
    const calls: string[] = [];
    asked.intercept = ({ method, path }) => {
      calls.push(`${method} ${path}`);
      return path.endsWith('/snapshots') ? new Response(null, { status: 204 }) : null;
    };
    expect(await ask(`${at}/rigs/hono/agents/ada/snapshot`)).toContain(
      'Done. A snapshot of ada was asked for',
    );
    expect(calls).toContain('POST /rigs/hono/agents/ada/snapshots');
    expect(await ask(`${at}/stop`)).toContain('asked to stop, and stays down');
    await vi.waitFor(
      async () => expect(wordsOf(await browser.page(at))).toContain('dark Stopped by the operator'),
      patiently,
    );
    expect(await ask(`${at}/rigs/hono/agents/ada/snapshot`)).toContain(
      'Refused. the container does not run (container_not_running)',
    );
    expect(await ask(`${at}/start`)).toContain('Done. The container of acted is up.');
    expect(asked.boots).toBe(2);
    await vi.waitFor(async () => expect((await latestRecovery('acted'))?.generation).toBe(2), patiently);
    expect(await ask(`${at}/kill`)).toContain('Done. The container of acted was killed');
    await vi.waitFor(() => expect(asked.boots).toBe(3), patiently);
    expect((await agentStatus('acted', 'hono', 'ada')).bead).not.toBeNull();
  });

  it('shows the end of what an agent wrote, without what only a terminal understands', async () => {
    const asked = await litTown('written');
    const output = `${'old\n'.repeat(300)}\u001b[31mred\u001b[0m \u001b]0;title\u0007<b>bold</b>\r\n`;
    asked.intercept = ({ path }) =>
      path.endsWith('/log') ? new Response(output, { headers: { 'content-type': 'text/plain' } }) : null;
    const answer = await (await signedIn()).get('/towns/written/rigs/hono/agents/ada/output');
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=UTF-8');
    const lines = (await answer.text()).split('\n');
    expect(lines).toHaveLength(200);
    expect(lines.at(-1)).toBe('red <b>bold</b>');
    expect(await (await signedIn()).page('/towns/written/rigs/hono/agents/ada')).toContain(
      'red &lt;b&gt;bold&lt;/b&gt;</pre>',
    );
  });

  it('tells a page that something changed, and nothing of what', async () => {
    await litTown('streamed');
    const stream = await (await signedIn()).get('/towns/streamed/live');
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    await jsonOf(operator('PUT', '/api/towns/streamed/rigs/hono/agents/zoe', {}));
    let heard = '';
    while (!heard.includes('event: changed\ndata: 1\n\n')) heard += (await reader?.read())?.value ?? '';
    await reader?.cancel();
    expect(heard).not.toContain('zoe');
  });
});

describe('the boots of a town', () => {
  it('are listed newest first, each with its recoveries', async () => {
    await litTown('booted');
    await jsonOf(operator('POST', '/api/towns/booted/container', { action: 'kill' }));
    await vi.waitFor(async () => {
      expect(await latestRecovery('booted')).toMatchObject({ generation: 2, status: 'complete' });
    }, patiently);
    const { boots } = await jsonOf(operator('GET', '/api/towns/booted/boots'));
    expect(boots).toMatchObject([
      {
        generation: 2,
        endedAt: null,
        recoveries: [{ recoveryId: recoveryOf('booted', 2), status: 'complete' }],
      },
      { generation: 1, endedAt: expect.any(Number), recoveries: [{ trigger: 'boot' }] },
    ]);
    expect(JSON.stringify(boots)).not.toContain('phases');
  });
});
