import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const DOCKERFILE = readFileSync(new URL('../../../container/Dockerfile', import.meta.url), 'utf8');

test('the image compiles the control server ahead under the flags that it runs with', () => {
  // V8 takes nothing that was compiled under others, and says nothing about it.
  const ahead = /^RUN flags="(.+)"/m.exec(DOCKERFILE)?.[1]?.split(' ');
  const command = JSON.parse(/^CMD (.+)$/m.exec(DOCKERFILE)?.[1] ?? '[]') as string[];
  expect(ahead).toEqual(command.slice(1, -1));
  expect(command.slice(1, -1).every((flag) => flag.startsWith('--'))).toBe(true);
});
