/** How much of an agent's output is kept, in bytes. */
export const AGENT_LOG_MAX_BYTES = 256 * 1024;

const FIRST_BYTES = 4 * 1024;

/** The last bytes of what is written, in a ring that grows up to its limit. */
export class Tail {
  readonly #maxBytes: number;
  #ring: Uint8Array;
  /** Where the next byte goes. */
  #next = 0;
  #size = 0;
  /** How many bytes were ever written. */
  #written = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#ring = new Uint8Array(Math.min(FIRST_BYTES, maxBytes));
  }

  /** Adds a copy of the output; what no longer fits is dropped at the beginning. */
  append(chunk: Uint8Array): void {
    this.#written += chunk.length;
    const last = chunk.subarray(Math.max(0, chunk.length - this.#maxBytes));
    this.#makeRoom(Math.min(this.#maxBytes, this.#size + last.length));
    const untilEnd = this.#ring.length - this.#next;
    this.#ring.set(last.subarray(0, untilEnd), this.#next);
    this.#ring.set(last.subarray(untilEnd), 0);
    this.#next = (this.#next + last.length) % this.#ring.length;
    this.#size = Math.min(this.#ring.length, this.#size + last.length);
  }

  /** The kept output as text. */
  text(): string {
    return textOf(this.kept().bytes);
  }

  /** A copy of the kept output, and how many bytes were written before it. */
  kept(): { from: number; bytes: Buffer } {
    return { from: this.#written - this.#size, bytes: Buffer.concat([...this.#parts()]) };
  }

  /** Whether nothing was written yet, or a whole line. */
  protected get endsLine(): boolean {
    return this.#size === 0 || this.#ring.at(this.#next - 1) === 0x0a;
  }

  *#parts(): Generator<Uint8Array> {
    if (this.#size === this.#ring.length) yield this.#ring.subarray(this.#next);
    yield this.#ring.subarray(0, this.#next);
  }

  /** A ring that can still grow was never written over: its bytes are in order. */
  #makeRoom(wanted: number): void {
    if (wanted <= this.#ring.length) return;
    const larger = new Uint8Array(Math.min(this.#maxBytes, Math.max(wanted, 2 * this.#ring.length)));
    larger.set(this.#ring.subarray(0, this.#size));
    this.#ring = larger;
    this.#next = this.#size;
  }
}

/** The end of everything an agent and its setup wrote in this boot, over all its starts. */
export class AgentLog extends Tail {
  constructor(maxBytes: number = AGENT_LOG_MAX_BYTES) {
    super(maxBytes);
  }

  /** Adds a line of Relight's own that says what begins here, and when. */
  mark(title: string, at: number): void {
    const onNewLine = this.endsLine ? '' : '\n';
    this.append(Buffer.from(`${onNewLine}--- ${title} ${new Date(at).toISOString()} ---\n`));
  }
}

/** Decodes what may begin in the middle of a UTF-8 character: up to three continuation bytes are left out. */
export function textOf(bytes: Uint8Array): string {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return new TextDecoder().decode(bytes.subarray(start));
}
