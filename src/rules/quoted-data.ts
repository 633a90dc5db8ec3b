import { bytesOf } from '../contract/text.ts';

/** Text that others wrote, as it is shown to a model: at most `maxBytes` of UTF-8, its fence and its note included. */
export interface Quote {
  readonly data: string;
  readonly language: 'text' | 'json';
  readonly maxBytes: number;
  /** Where the whole of it is, as the end of a sentence. */
  readonly wholeIsIn: string;
}

/** What a usual fence, and what the note under a cut, take at most. */
const FENCE_BYTES = 32;
const NOTE_BYTES = 512;

/** The longest beginning of a text that fits into so many bytes of UTF-8, never half a character. */
export function cutTo(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}

/** The data between fences as lines of Markdown, and under them what was cut, if anything was. */
export function quoted({ data, language, maxBytes, wholeIsIn }: Quote): string[] {
  const room = maxBytes - NOTE_BYTES;
  const whole = cutTo(data, room);
  // A fence is one longer than the longest run of backticks in the data: with its fences a third of the room fits always.
  const fits = bytesOf(fenced(whole, language).join('\n')) <= room + FENCE_BYTES;
  const shown = fits ? whole : cutTo(data, Math.floor(room / 3));
  if (shown.length === data.length) return fenced(shown, language);
  const note = `Cut here: ${bytesOf(shown)} of ${bytesOf(data)} bytes are shown. The rest is in ${wholeIsIn}.`;
  return [...fenced(shown, language).slice(0, -1), note, ''];
}

/** Text that others had a hand in, such as a file's name: on one line it starts no heading and no list of its own. */
export function onOneLine(text: string, maxBytes: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return bytesOf(line) <= maxBytes ? line : `${cutTo(line, maxBytes)}…`;
}

/** A fence longer than any run of backticks inside, so that the data cannot end it. */
function fenced(data: string, language: string): string[] {
  const runs = data.match(/`+/g) ?? [];
  const longest = runs.reduce((most, run) => Math.max(most, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, data, fence, ''];
}
