import { Transform, type TransformCallback } from 'node:stream';

const LINE_END = '\r\n';
const HEAD_LIMIT_BYTES = 1024 * 1024;
const REQUEST_LINE = /^[A-Z]+ \S+ HTTP\/1\.[01]\r\n/;

/** What the next byte belongs to. */
type Part = 'head' | 'body' | 'chunk size' | 'chunk' | 'trailers' | 'anything';

/**
 * Takes the `Expect` header out of every HTTP/1.1 request that passes through, and changes nothing else.
 *
 * Node's and most other servers answer `Expect: 100-continue` with an interim `100 Continue`. workerd's client takes
 * that for the response itself and fails with 500 ("status codes in the range 200 to 599"). It keeps its connections, so
 * the bodies have to be followed to find the next request (RFC 9112, section 6). After a request to switch protocols,
 * and in what does not begin like HTTP, bytes pass as they are.
 */
export class ExpectFilter extends Transform {
  #part: Part = 'head';
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes to come of the body or chunk. */
  #left = 0;

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    let before: number;
    do {
      before = this.#pending.length;
      this.#step();
    } while (this.#pending.length > 0 && this.#pending.length < before);
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#pass(this.#pending.length);
    done();
  }

  /** Passes on as much of one part as is there. */
  #step(): void {
    switch (this.#part) {
      case 'head':
        this.#head();
        break;
      case 'body':
      case 'chunk': {
        const size = Math.min(this.#left, this.#pending.length);
        this.#left -= size;
        this.#pass(size);
        if (this.#left === 0) this.#part = this.#part === 'body' ? 'head' : 'chunk size';
        break;
      }
      case 'chunk size': {
        const line = this.#line();
        if (line === null) break;
        const size = Number.parseInt(line, 16);
        this.#part = size > 0 ? 'chunk' : 'trailers';
        this.#left = size + LINE_END.length;
        break;
      }
      case 'trailers':
        if (this.#line() === '') this.#part = 'head';
        break;
      case 'anything':
        this.#pass(this.#pending.length);
        break;
    }
  }

  #head(): void {
    const end = this.#pending.indexOf(LINE_END + LINE_END);
    const lineEnd = this.#pending.indexOf(LINE_END);
    const isHttp = lineEnd < 0 || REQUEST_LINE.test(this.#pending.toString('latin1', 0, lineEnd + 2));
    if (!isHttp || (end < 0 && this.#pending.length > HEAD_LIMIT_BYTES)) {
      this.#part = 'anything';
      this.#pass(this.#pending.length);
      return;
    }
    if (end < 0) return;
    const lines = this.#pending.toString('latin1', 0, end).split(LINE_END);
    this.#pending = this.#pending.subarray(end + 4);
    const kept = lines.filter((line) => !/^expect\s*:/i.test(line));
    this.push(Buffer.from(kept.join(LINE_END) + LINE_END + LINE_END, 'latin1'));
    this.#expectBody(lines);
  }

  #expectBody(lines: string[]): void {
    const value = (name: string): string | undefined =>
      lines
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim();
    this.#left = Number(value('content-length') ?? 0);
    if (value('upgrade') !== undefined) this.#part = 'anything';
    else if (value('transfer-encoding')?.toLowerCase().endsWith('chunked')) this.#part = 'chunk size';
    else this.#part = this.#left > 0 ? 'body' : 'head';
  }

  /** Passes one whole line on and gives it without its end; null when it is not all there. */
  #line(): string | null {
    const end = this.#pending.indexOf(LINE_END);
    if (end < 0) return null;
    const line = this.#pending.toString('latin1', 0, end);
    this.#pass(end + LINE_END.length);
    return line;
  }

  #pass(size: number): void {
    if (size > 0) this.push(this.#pending.subarray(0, size));
    this.#pending = this.#pending.subarray(size);
  }
}
