import { SELF } from 'cloudflare:test';

const ORIGIN = 'https://relight.test';

/** A browser as far as a session goes: it keeps cookies, says its origin, and follows no redirect by itself. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #origin: string;

  constructor(origin = ORIGIN) {
    this.#origin = origin;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#ask(path, { headers });
  }

  /** Sends a form from a page of the same origin, unless `headers` say otherwise. */
  post(
    path: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const own = { origin: this.#origin, 'sec-fetch-site': 'same-origin' };
    return this.#ask(path, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { ...own, ...headers },
    });
  }

  /** The text of a page that is there. */
  async page(path: string): Promise<string> {
    const answer = await this.get(path);
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.text();
  }

  async signIn(token = 'operator-token'): Promise<Response> {
    return this.post('/sign-in', { token, to: '/' });
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    if (cookie !== '') headers.set('cookie', cookie);
    const answer = await SELF.fetch(`${this.#origin}${path}`, { ...init, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }
}

/** A browser in which the operator is signed in. */
export async function signedIn(): Promise<Browser> {
  const browser = new Browser();
  const answer = await browser.signIn();
  if (answer.status !== 303) throw new Error(`the sign-in answered ${answer.status}`);
  return browser;
}
