// `gt mcp`: the tools of `gt` for models (Model Context Protocol, revision 2025-11-25, stdio transport).
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { finished } from 'node:stream/promises';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { POLECAT_PROMPT } from '../../src/contract/prompts/polecat.ts';
import { checkpoint, done, type Link, type Outcome, prime } from './agent-calls.ts';
import { CheckpointInput, CheckpointOutput, DoneInput, DoneOutput, PrimeInput } from './mcp-schemas.ts';
import { ABOUT, INSTRUCTIONS } from './mcp-words.ts';

/** How long answers that are under way may still take when nobody asks any more. */
const LAST_ANSWERS_MS = 1_000;
const PRIME_URI = 'gt://prime';

/** Serves MCP on standard input and output until the input ends. Everything but the protocol goes to standard error. */
export async function serveMcp(link: Link): Promise<void> {
  const underWay = new Set<Promise<Outcome>>();
  const track: Track = async (call) => {
    underWay.add(call);
    return await call.finally(() => underWay.delete(call));
  };
  const server = new McpServer({ name: 'gt', version: '1.0.0' }, { instructions: INSTRUCTIONS });
  addTools(server, link, track);
  addPrime(server, link, track);
  addPrompt(server);

  const closed = Promise.withResolvers<void>();
  Object.assign(server.server, {
    onclose: closed.resolve,
    onerror: (error: Error) => process.stderr.write(`gt: ${error.message}\n`),
  } satisfies Partial<McpServer['server']>);
  const inputEnded = finished(process.stdin, { writable: false });
  await server.connect(new StdioServerTransport());
  await Promise.race([inputEnded, closed.promise]);

  await Promise.race([Promise.allSettled(underWay), delay(LAST_ANSWERS_MS, undefined, { ref: false })]);
  await nextTurn();
  // Aborts the calls that are still waiting, so that nothing keeps the process.
  await server.close();
}

/** Keeps count of a call until it is answered. */
type Track = (call: Promise<Outcome>) => Promise<Outcome>;

// What a tool throws, the SDK answers as a tool error with the message as its text: the model reads what to do.
function addTools(server: McpServer, link: Link, track: Track): void {
  server.registerTool(
    'gt_prime',
    { ...ABOUT.prime, inputSchema: PrimeInput },
    async ({ json }, { signal }) => {
      const outcome = await track(prime({ ...link, signal }));
      return { content: [{ type: 'text', text: json === true ? outcome.json : outcome.words }] };
    },
  );
  server.registerTool(
    'gt_checkpoint',
    { ...ABOUT.checkpoint, inputSchema: CheckpointInput, outputSchema: CheckpointOutput },
    async ({ data }, { signal }) =>
      answered(await track(checkpoint({ ...link, signal }, JSON.stringify(data))), CheckpointOutput),
  );
  server.registerTool(
    'gt_done',
    { ...ABOUT.done, inputSchema: DoneInput, outputSchema: DoneOutput },
    async ({ prUrl = null, summary = null, wip, discard }, { signal }) => {
      const words = { prUrl, summary, wip: wip ?? false, discard: discard ?? false };
      return answered(await track(done({ ...link, signal }, words)), DoneOutput);
    },
  );
}

function addPrime(server: McpServer, link: Link, track: Track): void {
  const about = { ...ABOUT.primeResource, mimeType: 'text/markdown' };
  server.registerResource('prime', PRIME_URI, about, async (_uri, { signal }) => {
    const { words } = await track(prime({ ...link, signal }));
    return { contents: [{ uri: PRIME_URI, mimeType: 'text/markdown', text: words }] };
  });
}

function addPrompt(server: McpServer): void {
  server.registerPrompt('polecat', ABOUT.polecatPrompt, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: POLECAT_PROMPT } }],
  }));
}

function answered(
  { words, json }: Outcome,
  schema: typeof CheckpointOutput | typeof DoneOutput,
): CallToolResult {
  return { content: [{ type: 'text', text: words }], structuredContent: schema.parse(JSON.parse(json)) };
}
