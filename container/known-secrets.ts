/** Shorter ones would be found in the middle of ordinary words. */
const SHORTEST = 8;

const HIDDEN = '[redacted]';

/** The secrets that this process has seen, to keep them out of everything that leaves it. */
export class KnownSecrets {
  /** As they are, and in the form that they have inside JSON. */
  readonly #forms = new Set<string>();
  #renewed: string | null = null;

  constructor(values: readonly string[]) {
    this.add(values);
  }

  add(values: readonly string[]): void {
    for (const value of values) {
      if (value.length < SHORTEST) continue;
      this.#forms.add(value);
      this.#forms.add(JSON.stringify(value).slice(1, -1));
    }
  }

  /** Takes over the container's newest token in the place of the one before: nobody has seen either. */
  renew(token: string): void {
    if (this.#renewed !== null) this.#forms.delete(this.#renewed);
    this.#renewed = token;
    this.add([token]);
  }

  /** The text with every known secret replaced. */
  hide(text: string): string {
    let hidden = text;
    for (const form of this.#forms) hidden = hidden.replaceAll(form, HIDDEN);
    return hidden;
  }

  /** Puts `*` over every known secret in place: what has offsets into the bytes stays whole. */
  blotOut(bytes: Buffer): void {
    for (const form of this.#forms) {
      const length = Buffer.byteLength(form);
      for (let at = bytes.indexOf(form); at >= 0; at = bytes.indexOf(form, at + length)) {
        bytes.fill('*', at, at + length);
      }
    }
  }

  /** How many bytes at the end may be the beginning of a known secret that is still being written. */
  begunBytes(bytes: Buffer): number {
    const begun = [...this.#forms].map((form) => {
      const secret = Buffer.from(form);
      const most = Math.min(secret.length - 1, bytes.length);
      for (let length = most; length > 0; length -= 1)
        if (bytes.subarray(-length).equals(secret.subarray(0, length))) return length;
      return 0;
    });
    return Math.max(0, ...begun);
  }

  /** How long the longest of them is, in bytes. */
  get longestBytes(): number {
    return Math.max(0, ...[...this.#forms].map((form) => Buffer.byteLength(form)));
  }
}
