import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { GT, gtPath, townWithAgent } from './agent-town.ts';

describe('the process of gt mcp', () => {
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  };
  const ask = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'gt_prime', arguments: {} } };

  /** Writes the lines to a `gt mcp`, closes its input, and waits for its end. */
  async function speak(lines: string[], env: Record<string, string>) {
    const child = spawn(GT, ['mcp'], { env });
    const said = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    child.stdin.end(lines.map((line) => `${line}\n`).join(''));
    const [stdout, stderr, [code]] = await said;
    const messages = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { jsonrpc: string; id: number });
    return { code: code as number, messages, stderr };
  }

  test('answers what was asked, and nothing but protocol, and ends when its input does', async () => {
    const { env } = await townWithAgent();
    const { code, messages, stderr } = await speak(
      [JSON.stringify(initialize), 'no JSON', JSON.stringify(ask)],
      env,
    );
    expect(code).toBe(0);
    expect(messages).toMatchObject([
      { jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-06-18' } },
      { jsonrpc: '2.0', id: 2, result: { content: [{ type: 'text' }] } },
    ]);
    expect(stderr).toMatch(/^gt: .*no JSON/);
  });

  test('does not wait for a control server that is away when its input has ended', async () => {
    const env = { ...gtPath(), GT_SOCKET: '/nowhere.sock' };
    const began = performance.now();
    const { code, messages } = await speak([JSON.stringify(initialize), JSON.stringify(ask)], env);
    expect(code).toBe(0);
    expect(messages).toMatchObject([{ id: 1 }]);
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});
