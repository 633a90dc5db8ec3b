import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { openDoor } from '../../../container/door.ts';

const SHORT = { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20 };

test.each([
  ['its headers', 'GET /health HTTP/1.1\r\nhost: x\r\n'],
  ['its body', 'POST /rigs/rig/restore HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{'],
])('a caller that never ends %s is cut off, and others are answered meanwhile', async (_, beginning) => {
  const door = await openDoor('127.0.0.1', 0, SHORT);
  onTestFinished(() => void door.server.close());
  door.admit((request, response) => {
    request.resume();
    request.once('end', () => response.end('heard'));
  });
  const slow = connect(door.port, '127.0.0.1');
  onTestFinished(() => void slow.destroy());
  await once(slow, 'connect');
  slow.write(beginning);
  expect(await (await fetch(`http://127.0.0.1:${String(door.port)}/`)).text()).toBe('heard');
  expect(await text(slow)).toMatch(/^HTTP\/1\.1 408 /);
});
