import { encodeBase64Url } from 'hono/utils/encode';

/** So that a token is known for what it is wherever it turns up, and anything else is refused without a look-up. */
const PREFIX = 'relight_';
const RANDOM_BYTES = 32;
const TOKEN = /^relight_[A-Za-z0-9_-]{43}$/;

/** A token of 256 random bits, in base64url (RFC 4648). */
export function newOperatorToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return PREFIX + encodeBase64Url(bytes.buffer).replaceAll('=', '');
}

/** Whether the text has the form of an operator's token. */
export function isOperatorToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * The SHA-256 of a token, in hex: what is kept of it. A slow hash with salt is for passwords, which can be guessed; nobody
 * guesses 256 random bits, and a look-up by hash says nothing of the token by the time that it takes.
 */
export async function hashOfToken(token: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
