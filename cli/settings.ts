import { text } from 'node:stream/consumers';
import { UsageError } from './failure.ts';

/** The options that every command has. */
export interface GlobalOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Where Relight is, and what opens it. */
export interface Settings {
  readonly url: string;
  readonly token: string;
}

/** Where `npm start` listens. */
const DEFAULT_URL = 'http://127.0.0.1:8787';

/** The settings from options and environment. No message of what it throws (UsageError) has the token in it. */
export async function settingsOf(
  { url = process.env.RELIGHT_URL ?? DEFAULT_URL, token = process.env.RELIGHT_TOKEN }: GlobalOptions,
  stdin: NodeJS.ReadableStream,
): Promise<Settings> {
  const at = URL.canParse(url) ? new URL(url) : null;
  if (at === null || !/^https?:$/.test(at.protocol))
    throw new UsageError('--url is no http or https address');
  if (at.username !== '' || at.password !== '') throw new UsageError('--url must not hold a password');
  const given = token === '-' ? (await text(stdin)).trim() : token;
  if (given === undefined || given === '') throw new UsageError('set RELIGHT_TOKEN to the operator token');
  // fetch would name a token that is no header value in its error.
  if (!/^[\u0021-\u007e]+$/.test(given))
    throw new UsageError('the token is no token: it has blanks or worse in it');
  return { url: at.href.replace(/\/+$/, ''), token: given };
}
