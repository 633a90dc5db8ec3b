import { RelightError } from '../contract/errors.ts';

/** What ends a list of lines (gitprotocol-common(5)). */
export const FLUSH = '0000';

/** The longest line there is, with the four digits of its length. */
const LONGEST = 65_520;

/** One line as git sends it: its length in bytes, with its own four hexadecimal digits, stands before it. */
export function pktLine(text: string): string {
  return (new TextEncoder().encode(text).length + 4).toString(16).padStart(4, '0') + text;
}

/**
 * The lines of an answer without their line ends, as they come; null for a flush. Throws RelightError `git_server` for what
 * is none, or cut off.
 */
export async function* pktLines(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string | null> {
  const decoder = new TextDecoder();
  let held = new Uint8Array();
  for await (const chunk of body ?? []) {
    held = joined(held, chunk);
    let at = 0;
    for (;;) {
      const length = lengthAt(held, at);
      if (length === null || at + Math.max(length, 4) > held.length) break;
      yield length === 0 ? null : decoder.decode(held.subarray(at + 4, at + length)).replace(/\n$/, '');
      at += Math.max(length, 4);
    }
    held = held.slice(at);
  }
  if (held.length > 0) throw new RelightError('git_server', 'the answer of the git remote is cut off');
}

/** The length of the line that begins there, 0 for a flush; null where it has not come whole. */
function lengthAt(bytes: Uint8Array, at: number): number | null {
  if (at + 4 > bytes.length) return null;
  const digits = String.fromCharCode(...bytes.subarray(at, at + 4));
  const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  if (length === 0 || (length >= 4 && length <= LONGEST)) return length;
  throw new RelightError('git_server', 'the git remote does not answer in the protocol of git');
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
