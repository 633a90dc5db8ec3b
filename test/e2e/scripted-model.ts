import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** What the model says next: words, which end its turn, or the call of one of the tools it was offered. */
export type Saying = { readonly words: string } | { readonly tool: string; readonly input: object };

/** One model on loopback that speaks as its script says. */
export interface ScriptedModel {
  /** What an OpenAI-compatible provider takes as its base URL. */
  readonly url: string;
  /** The tools that were offered in the last request that offered any. */
  readonly offered: () => readonly string[];
  /** The tools that the whole conversation of that request had called, in order, over all of its turns. */
  readonly called: () => readonly string[];
  close(): Promise<void>;
}

const Request = z.object({
  messages: z.array(
    z.object({
      role: z.string(),
      content: z.unknown(),
      tool_calls: z.array(z.object({ function: z.object({ name: z.string() }) })).optional(),
    }),
  ),
  tools: z.array(z.object({ function: z.object({ name: z.string() }) })).optional(),
});

type Messages = z.infer<typeof Request>['messages'];

/** What was said since the user last spoke: the tools that were called, in order, and what each answered, as JSON. */
export interface Conversation {
  readonly called: readonly string[];
  readonly answers: readonly string[];
}

/** Serves streamed chat completions; requests without tools, as for a title, are answered with a word. */
export async function startScriptedModel(script: (so: Conversation) => Saying): Promise<ScriptedModel> {
  let offered: readonly string[] = [];
  let called: readonly string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const { messages, tools = [] } = Request.parse(JSON.parse(await text(request)));
      if (tools.length > 0) {
        offered = tools.map((tool) => tool.function.name);
        called = callsOf(messages);
      }
      const saying = tools.length === 0 ? { words: 'Scripted' } : script(conversationOf(messages));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const chunk of chunksOf(saying, messages.length))
        response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      response.end('data: [DONE]\n\n');
    })().catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}/v1`,
    offered: () => offered,
    called: () => called,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function callsOf(messages: Messages): string[] {
  return messages.flatMap(({ tool_calls: calls = [] }) => calls.map((call) => call.function.name));
}

function conversationOf(messages: Messages): Conversation {
  const turn = messages.slice(messages.findLastIndex(({ role }) => role === 'user') + 1);
  return {
    called: callsOf(turn),
    answers: turn.flatMap(({ role, content }) => (role === 'tool' ? JSON.stringify(content) : [])),
  };
}

function chunksOf(saying: Saying, turn: number): object[] {
  const delta =
    'words' in saying
      ? { content: saying.words }
      : {
          tool_calls: [
            {
              index: 0,
              id: `call-${String(turn)}`,
              type: 'function',
              function: { name: saying.tool, arguments: JSON.stringify(saying.input) },
            },
          ],
        };
  const chunk = (choice: object): object => ({
    id: `answer-${String(turn)}`,
    object: 'chat.completion.chunk',
    created: 0,
    model: 'scripted',
    choices: [{ index: 0, finish_reason: null, delta: {}, ...choice }],
  });
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  return [
    chunk({ delta: { role: 'assistant', ...delta } }),
    { ...chunk({ finish_reason: 'words' in saying ? 'stop' : 'tool_calls' }), usage },
  ];
}
