import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { array, assert, asyncProperty, constantFrom, nat } from 'fast-check';
import { expect, test } from 'vitest';
import { ExpectFilter } from '../../../dev/engine/expect-filter.ts';

/** What comes out of the filter when the text goes in, cut at these places. */
function filtered(input: string, cuts: number[]): Promise<string> {
  const places = [0, ...cuts.map((cut) => cut % input.length).sort((a, b) => a - b), input.length];
  const pieces = places.slice(1).map((end, i) => Buffer.from(input.slice(places[i], end)));
  return text(Readable.from(pieces.filter((piece) => piece.length > 0)).pipe(new ExpectFilter()));
}

const expectLine = 'eXpect: 100-continue\r\n';
const requests = array(
  constantFrom(
    'GET /a HTTP/1.1\r\nHost: x\r\n@\r\n',
    'POST /b HTTP/1.1\r\n@Content-Length: 9\r\n\r\nExpect: x',
    'PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n@\r\n4;e=1\r\n\r\n\r\n\r\nb\r\nExpect: x\r\n\r\n0\r\n\r\n',
    'PUT /d HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nTrailer: t\r\n\r\n',
  ),
  { minLength: 1, maxLength: 5 },
);

test('takes the header out of every request and nothing else, however the bytes are cut', async () => {
  await assert(
    asyncProperty(requests, array(nat(), { maxLength: 20 }), async (parts, cuts) => {
      const stream = parts.join('');
      expect(await filtered(stream.replaceAll('@', expectLine), cuts)).toBe(stream.replaceAll('@', ''));
    }),
  );
});

test('passes everything after a request to switch protocols', async () => {
  const stream = `GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\nGET / HTTP/1.1\r\n${expectLine}\r\n`;
  expect(await filtered(stream, [30])).toBe(stream);
});

test('passes what is not HTTP', async () => {
  const stream = `\0\x01binary\r\n${expectLine}\r\n`;
  expect(await filtered(stream, [3])).toBe(stream);
});
