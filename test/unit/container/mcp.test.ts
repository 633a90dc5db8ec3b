import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { jsonAnswer, Sockets } from '../../../container/tools/sockets.ts';
import { homeDir } from '../../../container/agents/places.ts';
import { CHECKPOINT_MAX_BYTES } from '../../../src/contract/agent.ts';
import { POLECAT_PROMPT } from '../../../src/contract/prompts/polecat.ts';
import { gtPath, townWithAgent, withRemote } from './agent-town.ts';
import { makeWorkspace } from './control-process.ts';
import { primeOf, problem } from './fake-worker.ts';
import { clientOf } from './mcp-client.ts';
import { output } from './worktrees.ts';

/** A tool's whole answer, as a model gets it. */
async function call(client: Client, name: string, args: Record<string, unknown> = {}) {
  const { content, isError = false, structuredContent } = await client.callTool({ name, arguments: args });
  const parts = content as { type: string; text: string }[];
  expect(parts.map(({ type }) => type)).toEqual(['text']);
  return { isError, text: parts[0]?.text ?? '', result: structuredContent };
}

describe('gt mcp', () => {
  test('says what it offers, in words for a model', async () => {
    const { env } = await townWithAgent();
    const client = await clientOf(env);
    expect(await client.ping()).toEqual({});
    expect(client.getServerVersion()).toMatchObject({ name: 'gt' });
    expect(client.getInstructions()).toContain('Call gt_prime first');
    const { tools } = await client.listTools();
    expect(tools.map(({ name, inputSchema }) => ({ name, inputSchema }))).toMatchInlineSnapshot(`
      [
        {
          "inputSchema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "additionalProperties": false,
            "properties": {
              "json": {
                "description": "true for the whole context as JSON, where nothing is cut. Leave it out for Markdown.",
                "type": [
                  "boolean",
                  "null",
                ],
              },
            },
            "type": "object",
          },
          "name": "gt_prime",
        },
        {
          "inputSchema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "additionalProperties": false,
            "properties": {
              "data": {
                "anyOf": [
                  {
                    "additionalProperties": {},
                    "properties": {},
                    "type": "object",
                  },
                  {
                    "items": {},
                    "type": "array",
                  },
                  {
                    "type": "string",
                  },
                  {
                    "type": "number",
                  },
                  {
                    "type": "boolean",
                  },
                  {
                    "type": "null",
                  },
                ],
                "description": "Your progress, as a JSON value of at most 256 KiB; an object is best, for example {"done": ["parser"], "next": "tests of the parser", "tried": ["a regular expression: too slow"]}. Give the value itself, not a string with JSON in it.",
              },
            },
            "required": [
              "data",
            ],
            "type": "object",
          },
          "name": "gt_checkpoint",
        },
        {
          "inputSchema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "additionalProperties": false,
            "properties": {
              "discard": {
                "description": "true leaves uncommitted changes and new files behind for good. Only when they are rubbish.",
                "type": [
                  "boolean",
                  "null",
                ],
              },
              "prUrl": {
                "anyOf": [
                  {
                    "format": "uri",
                    "type": "string",
                  },
                  {
                    "type": "null",
                  },
                ],
                "description": "The address of the pull request that you opened, if you did.",
              },
              "summary": {
                "anyOf": [
                  {
                    "maxLength": 16384,
                    "type": "string",
                  },
                  {
                    "type": "null",
                  },
                ],
                "description": "What you did, in a few sentences for the people who read it.",
              },
              "wip": {
                "description": "true commits what is not committed as one last commit. For unfinished work that others go on with.",
                "type": [
                  "boolean",
                  "null",
                ],
              },
            },
            "type": "object",
          },
          "name": "gt_done",
        },
      ]
    `);
    expect(tools.map(({ outputSchema }) => outputSchema?.required)).toEqual([
      undefined,
      ['seq', 'at'],
      ['bead', 'branch', 'head'],
    ]);
    for (const { title, description, annotations } of tools) {
      expect(title).not.toBe('');
      expect(description?.length).toBeGreaterThan(100);
      expect(annotations).toBeDefined();
    }
    expect((await client.listResources()).resources).toMatchObject([
      { uri: 'gt://prime', mimeType: 'text/markdown' },
    ]);
    expect((await client.listPrompts()).prompts).toMatchObject([{ name: 'polecat' }]);
  });

  test('gives prime as a tool and as a resource, and how a polecat works as a prompt', async () => {
    const { env } = await townWithAgent();
    const client = await clientOf(env);
    const prime = primeOf('rig', 'a', 'bead-1');
    expect(await call(client, 'gt_prime')).toEqual({ isError: false, text: prime.text, result: undefined });
    expect(JSON.parse((await call(client, 'gt_prime', { json: true })).text)).toEqual(prime);
    expect((await client.readResource({ uri: 'gt://prime' })).contents).toEqual([
      { uri: 'gt://prime', mimeType: 'text/markdown', text: prime.text },
    ]);
    expect((await client.getPrompt({ name: 'polecat' })).messages).toEqual([
      { role: 'user', content: { type: 'text', text: POLECAT_PROMPT } },
    ]);
  });

  test('brings every kind of JSON value to the Worker as it is', async () => {
    const { worker, control, dir, env } = await townWithAgent();
    const client = await clientOf(env);
    const values = [
      { step: 1, nested: { done: ['a', null], '': false } },
      [1, [2, [3]]],
      'halfway',
      '{"still": "a string"}',
      -0.5,
      null,
      false,
      { ключ: '点灯 🕯️ \u0000 "quoted" \\ \n' },
      'é'.repeat((CHECKPOINT_MAX_BYTES - 2) / 2),
    ];
    for (const [index, data] of values.entries()) {
      const seq = index + 1;
      expect(await call(client, 'gt_checkpoint', { data })).toEqual({
        isError: false,
        text: `checkpoint ${String(seq)} saved`,
        result: { seq, at: expect.any(Number) },
      });
    }
    const head = await output('git', ['-C', dir, 'rev-parse', 'HEAD']);
    const message = { life: control.life, rig: 'rig', agent: 'a', bead: 'bead-1', head };
    expect(worker.bodies('checkpoint')).toEqual(values.map((data) => ({ ...message, data })));
  });

  test('finishes the bead once its work is committed, and says what to do until then', async () => {
    const { worker, dir, env } = await townWithAgent(async (made) => void (await withRemote(made)));
    const client = await clientOf(env);
    await writeFile(join(dir, 'forgotten.txt'), '');
    const refused = await call(client, 'gt_done', { summary: 'All of it' });
    expect(refused).toMatchObject({
      isError: true,
      text: expect.stringMatching(/^uncommitted: .*forgotten\.txt/),
    });
    expect(refused.text).toContain('\nWhat to do: Commit what belongs to the bead');
    expect(worker.bodies('done')).toEqual([]);
    const head = await output('git', ['-C', dir, 'rev-parse', 'HEAD']);
    const args = { summary: 'All of it', prUrl: 'https://git.invalid/pull/1', discard: true };
    const done = {
      isError: false,
      text: 'bead-1 is done. Nothing is left to do: stop here.',
      result: { bead: 'bead-1', branch: 'gt/a/bead-1', head },
    };
    expect(await call(client, 'gt_done', args)).toEqual(done);
    expect(await call(client, 'gt_done', { prUrl: null, summary: null, discard: true })).toEqual(done);
    expect(worker.bodies('done')).toMatchObject([
      { summary: 'All of it', prUrl: 'https://git.invalid/pull/1', head },
      { summary: null, prUrl: null, head },
    ]);
  });

  test('answers a bad call with an error that names the fault', async () => {
    const { worker, env } = await townWithAgent();
    const client = await clientOf(env);
    const bad: [string, Record<string, unknown>, string][] = [
      ['gt_checkpoint', {}, 'data'],
      ['gt_checkpoint', { data: 1, checkpoint: 2 }, 'checkpoint'],
      ['gt_checkpoint', { data: 'x'.repeat(CHECKPOINT_MAX_BYTES) }, 'too_large'],
      ['gt_done', { prUrl: 'javascript:1' }, 'prUrl'],
      ['gt_done', { pr_url: 'https://git.invalid/pull/1' }, 'pr_url'],
      ['gt_done', { summary: 7 }, 'summary'],
      ['gt_prime', { json: 'yes' }, 'json'],
      ['gt_dance', {}, 'gt_dance'],
    ];
    for (const [name, args, word] of bad) {
      const told = { isError: true, text: expect.stringContaining(word) };
      expect(await call(client, name, args)).toMatchObject(told);
    }
    expect(worker.bodies('checkpoint')).toEqual([]);
    expect(worker.bodies('done')).toEqual([]);
  });

  test('passes the refusals of the Worker on, from every call', async () => {
    const { worker, env } = await townWithAgent();
    const client = await clientOf(env);
    for (const name of ['prime', 'checkpoint'] as const)
      worker.answer(name, () => problem('bead_not_hooked'));
    const refusal = 'bead_not_hooked: the test wants bead_not_hooked\nWhat to do: The bead is off your hook';
    const told = { isError: true, text: expect.stringContaining(refusal) };
    expect(await call(client, 'gt_prime')).toMatchObject(told);
    expect(await call(client, 'gt_checkpoint', { data: 1 })).toMatchObject(told);
    await expect(client.readResource({ uri: 'gt://prime' })).rejects.toThrow('bead_not_hooked');
    await expect(client.readResource({ uri: 'gt://other' })).rejects.toThrow('gt://other');
    await expect(client.getPrompt({ name: 'baker' })).rejects.toThrow('baker');
  });

  test('finds its agent where a client hands on nothing of the environment but HOME and PATH', async () => {
    const { control } = await townWithAgent();
    const client = await clientOf({ PATH: '/usr/bin:/bin', HOME: homeDir(control.workspace, 'rig', 'a') });
    expect(await call(client, 'gt_prime')).toMatchObject({ isError: false });
  });

  test('waits for a control server that is on its way, and says so when none comes', async () => {
    const sockets = new Sockets(await makeWorkspace(), 'boot');
    onTestFinished(() => sockets.removeAll());
    const env = { ...gtPath(), GT_SOCKET: sockets.pathOf('late'), GT_WAIT_SECONDS: '1' };
    const client = await clientOf(env);
    expect(await call(client, 'gt_prime')).toMatchObject({
      isError: true,
      text: expect.stringMatching(/away.*\nWhat to do: /),
    });
    const late = call(client, 'gt_prime');
    await sockets.open('late', { '/prime': () => Promise.resolve(jsonAnswer({ text: 'here at last' })) });
    expect(await late).toMatchObject({ isError: false, text: 'here at last' });
  });
});
