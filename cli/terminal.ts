import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { styleText } from 'node:util';
import { EXIT, Failure, UsageError } from './failure.ts';

type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Gives text a look; without colours the text as it is. */
export type Style = (format: Format, text: string) => string;

export const PLAIN: Style = (_, text) => text;

interface Stream extends Writable {
  readonly isTTY?: boolean;
  readonly rows?: number;
}

/** What a terminal is made of; a test gives its own streams. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: NodeJS.ProcessEnv;
}

/** Erase to the end of the line, of the screen; wrap long lines or cut them off: ECMA-48 and DEC private mode 7. */
const [ERASE_LINE, ERASE_BELOW, CUT_LINES, WRAP_LINES] = ['\u001b[K', '\u001b[J', '\u001b[?7l', '\u001b[?7h'];

/** Where a command prints, and whom it asks. */
export class Terminal {
  readonly style: Style;
  /** Whether what is printed can be redrawn in place. */
  readonly isLive: boolean;
  readonly #streams: Streams;
  #drawn = 0;

  constructor(streams: Streams) {
    const { stdout, env } = streams;
    this.#streams = streams;
    this.isLive = stdout.isTTY === true && env.TERM !== 'dumb';
    const hasColours = this.isLive && (env.NO_COLOR ?? '') === '';
    this.style = hasColours ? (format, text) => styleText(format, text, { validateStream: false }) : PLAIN;
  }

  get stdin(): Readable {
    return this.#streams.stdin;
  }

  /** Prints text as it is. */
  write(text: string): void {
    this.#streams.stdout.write(text);
  }

  /** Prints lines. */
  print(...lines: readonly string[]): void {
    for (const line of lines) this.write(`${line}\n`);
  }

  /** Says something to the person, which is no part of the output. */
  say(line: string): void {
    this.#streams.stderr.write(`relight: ${line}\n`);
  }

  /** Draws lines in the place of those that were drawn before; as many as the screen has, cut off at its edge. */
  draw(lines: readonly string[]): void {
    const room = Math.max(2, (this.#streams.stdout.rows ?? 24) - 1);
    const more = lines.length - room + 1;
    const shown = more > 1 ? [...lines.slice(0, room - 1), this.style('dim', `… ${more} more lines`)] : lines;
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    const text = shown.map((line) => `${line}${ERASE_LINE}\n`).join('');
    this.write(`${CUT_LINES}${up}${text}${ERASE_BELOW}${WRAP_LINES}`);
    this.#drawn = shown.length;
  }

  /** Leaves what was drawn where it is: what is drawn next comes below. */
  settle(): void {
    this.#drawn = 0;
  }

  /** Asks before something that cannot be taken back. Throws UsageError where nobody can answer, Failure for a no. */
  async confirm(question: string, isSure: boolean): Promise<void> {
    if (isSure) return;
    const { stdin: input, stderr: output } = this.#streams;
    if (input.isTTY !== true || output.isTTY !== true)
      throw new UsageError(`${question}? Nobody can answer here: say --yes`);
    const asking = createInterface({ input, output });
    try {
      const answer = await asking.question(`${question}? [y/N] `);
      if (!/^y(?:es)?$/i.test(answer.trim())) throw new Failure(EXIT.failed, 'nothing was done (declined)');
    } finally {
      asking.close();
    }
  }
}
