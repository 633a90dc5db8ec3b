/** How much of an agent's output is kept, in bytes. */
export const AGENT_LOG_MAX_BYTES = 512 * 1024;

const BLOCK_BYTES = 64 * 1024;

/** The end of everything an agent and its setup wrote in this boot, over all its starts. */
export class AgentLog {
  readonly #blocks: Block[] = [];
  readonly #maxBytes: number;
  /** A block that is used again: agents that write without end make no garbage. */
  #spare: Uint8Array | null = null;
  #size = 0;
  #dropped = 0;

  constructor(maxBytes: number = AGENT_LOG_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Adds output; what no longer fits is dropped at the beginning. */
  append(chunk: Uint8Array): void {
    let rest = chunk.subarray(Math.max(0, chunk.length - this.#maxBytes));
    this.#dropped += chunk.length - rest.length;
    while (rest.length > 0) {
      const block = this.#blockWithRoom();
      const part = rest.subarray(0, BLOCK_BYTES - block.used);
      block.bytes.set(part, block.used);
      block.used += part.length;
      this.#size += part.length;
      rest = rest.subarray(part.length);
    }
    this.#dropWholeBlocks();
  }

  /** Adds a line of Relight's own that says what begins here, and when. */
  mark(title: string, at: number): void {
    const onNewLine = this.#size === 0 || this.#endsLine() ? '' : '\n';
    this.append(Buffer.from(`${onNewLine}--- ${title} ${new Date(at).toISOString()} ---\n`));
  }

  /** The kept output as text. */
  text(): string {
    return textOf(this.kept().bytes);
  }

  /** A copy of the kept output, and how many bytes were written before it. */
  kept(): { from: number; bytes: Buffer } {
    const all = Buffer.concat(this.#blocks.map(({ bytes, used }) => bytes.subarray(0, used)));
    const surplus = Math.max(0, all.length - this.#maxBytes);
    return { from: this.#dropped + surplus, bytes: all.subarray(surplus) };
  }

  #blockWithRoom(): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.used < BLOCK_BYTES) return last;
    const fresh = { bytes: this.#spare ?? new Uint8Array(BLOCK_BYTES), used: 0 };
    this.#spare = null;
    this.#blocks.push(fresh);
    return fresh;
  }

  #dropWholeBlocks(): void {
    for (let first = this.#blocks[0]; first !== undefined; first = this.#blocks[0]) {
      if (this.#size - first.used < this.#maxBytes) return;
      this.#size -= first.used;
      this.#dropped += first.used;
      this.#blocks.shift();
      this.#spare = first.bytes;
    }
  }

  #endsLine(): boolean {
    const last = this.#blocks.at(-1);
    return last !== undefined && last.bytes[last.used - 1] === 0x0a;
  }
}

/** The last bytes of one start's output. */
export class Tail {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Adds output; what no longer fits is dropped at the beginning. */
  append(chunk: Uint8Array): void {
    const last = chunk.subarray(Math.max(0, chunk.length - this.#maxBytes));
    const kept = Math.min(this.#bytes.length, this.#maxBytes - last.length);
    // Copied, so that a large chunk is not kept alive by its last bytes.
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#bytes.length - kept), last]);
  }

  /** The kept output as text. */
  text(): string {
    return textOf(this.#bytes);
  }
}

interface Block {
  readonly bytes: Uint8Array;
  used: number;
}

/** Decodes what may begin in the middle of a UTF-8 character: up to three continuation bytes are left out. */
export function textOf(bytes: Uint8Array): string {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return new TextDecoder().decode(bytes.subarray(start));
}
