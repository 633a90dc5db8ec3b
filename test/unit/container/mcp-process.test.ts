import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { GT, gtPath, townWithAgent } from './agent-town.ts';
import { makeWorkspace } from './control-process.ts';
import { clientOf } from './mcp-client.ts';

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
      .map((line) => JSON.parse(line) as { jsonrpc: string; id: number })
      .toSorted((one, other) => one.id - other.id);
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

  test('speaks the newest revision to a client of one it does not know, and names what it serves', async () => {
    const params = { ...initialize.params, protocolVersion: '1999-01-01' };
    const { messages } = await speak([JSON.stringify({ ...initialize, params })], {
      ...gtPath(),
      GT_SOCKET: '/nowhere.sock',
    });
    expect(messages).toMatchObject([
      {
        result: {
          protocolVersion: LATEST_PROTOCOL_VERSION,
          capabilities: { tools: {}, resources: {}, prompts: {} },
          serverInfo: { name: 'gt' },
        },
      },
    ]);
  });

  test.each([
    ['a method', { method: 'tools/dance' }, -32601],
    ['a resource', { method: 'resources/read', params: { uri: 'gt://other' } }, -32602],
    ['a prompt', { method: 'prompts/get', params: { name: 'baker' } }, -32602],
  ])('answers with an error of the protocol to %s that it does not have', async (_what, asked, code) => {
    const lines = [initialize, { jsonrpc: '2.0', id: 2, ...asked }].map((line) => JSON.stringify(line));
    const { messages } = await speak(lines, { ...gtPath(), GT_SOCKET: '/nowhere.sock' });
    expect(messages).toMatchObject([{ id: 1 }, { id: 2, error: { code, message: expect.any(String) } }]);
  });

  test('takes a call back when the client cancels it, and serves on', async () => {
    const socket = join(await makeWorkspace(), 'slow.sock');
    const asked = Promise.withResolvers<void>();
    const takenBack = Promise.withResolvers<void>();
    const slow = createServer((_request, response) => {
      asked.resolve();
      response.on('close', takenBack.resolve);
    }).listen(socket);
    onTestFinished(() => void slow.close());
    const client = await clientOf({ ...gtPath(), GT_SOCKET: socket });
    const cancel = new AbortController();
    const call = client.callTool({ name: 'gt_prime' }, undefined, { signal: cancel.signal });
    await asked.promise;
    cancel.abort('not needed any more');
    await expect(call).rejects.toThrow('not needed any more');
    await takenBack.promise;
    expect(await client.ping()).toEqual({});
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
