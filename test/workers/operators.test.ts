import { env } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { NewOperator, OperatorView } from '../../src/contract/operator.ts';
import { isStillOperator, operatorOf } from '../../src/http/operator.ts';
import { everythingOf, jsonOf, problemCode, comeBack, travel } from './scene.ts';
import { makeTown, operator } from './town.ts';

const ALL = '/api/operators';
const HOUR_MS = 60 * 60_000;

afterEach(comeBack);

async function make(name: string): Promise<NewOperator> {
  const answer = await operator('POST', ALL, { name });
  expect(answer.status).toBe(201);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return NewOperator.parse(await answer.json());
}

async function viewOf(name: string): Promise<OperatorView | undefined> {
  const { operators } = z
    .object({ operators: z.array(OperatorView.strict()) })
    .parse(await jsonOf(operator('GET', ALL)));
  return operators.find((each) => each.name === name);
}

describe('operators', () => {
  it('do with their tokens what root does, but for making and revoking operators', async () => {
    const { token } = await make('ines');
    await makeTown('tended');
    const known = await everythingOf('tended');
    expect((await jsonOf(operator('GET', '/api/towns/tended', undefined, token))).town).toBe('tended');
    expect((await operator('PUT', '/api/towns/tended', { agentCommand: 'true' }, token)).status).toBe(200);
    expect(await everythingOf('tended')).toEqual(known);
    expect(await problemCode(await operator('POST', ALL, { name: 'eve' }, token), 403)).toBe('root_only');
    expect(await problemCode(await operator('DELETE', `${ALL}/ines`, undefined, token), 403)).toBe(
      'root_only',
    );
    expect(await viewOf('eve')).toBeUndefined();
    expect(await viewOf('ines')).toBeDefined();
  });

  it('are refused the moment they are revoked, and so are their sessions', async () => {
    const { token } = await make('rio');
    const { createdAt } = await viewOf('rio').then((view) => OperatorView.parse(view));
    expect(await operatorOf(env, token)).toEqual({ name: 'rio' });
    expect(await isStillOperator(env, 'rio', createdAt)).toBe(true);
    expect((await operator('DELETE', `${ALL}/rio`)).status).toBe(204);
    expect(await problemCode(await operator('GET', '/api/towns', undefined, token), 401)).toBe(
      'unauthorized',
    );
    expect(await isStillOperator(env, 'rio', createdAt)).toBe(false);
    expect(await problemCode(await operator('DELETE', `${ALL}/rio`), 404)).toBe('unknown_operator');
    travel(1_000);
    await make('rio');
    expect(await isStillOperator(env, 'rio', createdAt), 'a session of the former rio').toBe(false);
    expect(await problemCode(await operator('GET', '/api/towns', undefined, token), 401)).toBe(
      'unauthorized',
    );
  });

  it('are made once: a name that is taken keeps its token', async () => {
    const { token } = await make('ola');
    expect(await problemCode(await operator('POST', ALL, { name: 'ola' }), 409)).toBe('operator_exists');
    expect(await operatorOf(env, token)).toEqual({ name: 'ola' });
    for (const name of ['root', 'O', '', 'a/b', 7])
      expect(await problemCode(await operator('POST', ALL, { name }), 400)).toBe('invalid_request');
    expect(await problemCode(await operator('DELETE', `${ALL}/root`), 400)).toBe('invalid_request');
  });

  it('are kept without their tokens, and with the hour of the last use', async () => {
    const { token, name, createdAt } = await make('uma');
    expect(await viewOf('uma')).toEqual({ name, createdAt, lastUsedAt: null });
    await operatorOf(env, token);
    const first = (await viewOf('uma'))?.lastUsedAt ?? 0;
    expect(first).toBeGreaterThanOrEqual(createdAt);
    travel(HOUR_MS / 2);
    await operatorOf(env, token);
    expect((await viewOf('uma'))?.lastUsedAt).toBe(first);
    travel(HOUR_MS);
    await operatorOf(env, token);
    expect((await viewOf('uma'))?.lastUsedAt).toBeGreaterThan(first + HOUR_MS);
  });

  it('are looked up for what has the form of their tokens only', async () => {
    const lookUp = vi.spyOn(env.OPERATORS, 'getByName');
    const guess = `relight_${'A'.repeat(43)}`;
    for (const token of ['operator-token', 'wrong', `${guess}A`, guess.slice(1)])
      await operator('GET', '/api/towns', undefined, token);
    expect(lookUp).not.toHaveBeenCalled();
    expect((await operator('GET', '/api/towns', undefined, guess)).status).toBe(401);
    expect(lookUp).toHaveBeenCalledTimes(1);
  });
});

describe('a change', () => {
  it('is logged with the name of its operator, however it was answered, and a look is not', async () => {
    const { token } = await make('kai');
    const said: string[] = [];
    for (const level of ['info', 'log', 'debug', 'warn'] as const)
      vi.spyOn(console, level).mockImplementation((...words: unknown[]) => void said.push(words.join(' ')));
    await operator('PUT', '/api/towns/logged', {}, token);
    await operator('GET', '/api/towns/logged', undefined, token);
    await operator('DELETE', '/api/towns/nowhere');
    const lines = said.filter((line) => line.includes('operator.changed'));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/"operator":"kai".*"PUT".*"\/api\/towns\/logged".*200/);
    expect(lines[1]).toMatch(/"operator":"root".*"DELETE".*404/);
    expect(said.join()).not.toContain(token);
  });
});
