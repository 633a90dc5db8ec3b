import { expect, test } from 'vitest';
import { AgentRole } from '../../../src/contract/agent.ts';
import { ROLE_PROMPTS } from '../../../src/contract/prompts/by-role.ts';

/** What stands above the part that all roles have in common, and that part. */
function parts(role: AgentRole): readonly [string, string] {
  const prompt = ROLE_PROMPTS[role];
  const common = prompt.indexOf('### Before anything else');
  return [prompt.slice(0, common), prompt.slice(common)];
}

test('each role is told what it is for', async () => {
  const purposes = AgentRole.options.map((role) => parts(role)[0]);
  await expect(`${purposes.join('').trimEnd()}\n`).toMatchFileSnapshot('prompts.purposes.txt');
});

test('all roles are told to start, save, get unstuck and finish in the same words', () => {
  const words = new Set(AgentRole.options.map((role) => parts(role)[1]));
  expect(words.size).toBe(1);
});
