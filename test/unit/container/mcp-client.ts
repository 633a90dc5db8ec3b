import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { onTestFinished } from 'vitest';
import { GT } from './agent-town.ts';

/** A model's client that has started `gt mcp`. It knows the tools' schemas, so it holds each result to its own. */
export async function clientOf(env: Record<string, string>): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StdioClientTransport({ command: GT, args: ['mcp'], env }));
  onTestFinished(async () => await client.close());
  await client.listTools();
  return client;
}
