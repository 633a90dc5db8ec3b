/** Shorter ones would be found in the middle of ordinary words. */
const SHORTEST = 8;

const HIDDEN = '[redacted]';

/** The secrets that this process has seen, to keep them out of everything that leaves it as text. */
export class KnownSecrets {
  readonly #values = new Set<string>();

  constructor(values: readonly string[]) {
    this.add(values);
  }

  add(values: readonly string[]): void {
    for (const value of values) if (value.length >= SHORTEST) this.#values.add(value);
  }

  /** The text with every known secret replaced, also in the form that it has inside JSON. */
  hide(text: string): string {
    let hidden = text;
    for (const value of this.#values) {
      for (const form of new Set([value, JSON.stringify(value).slice(1, -1)])) {
        hidden = hidden.replaceAll(form, HIDDEN);
      }
    }
    return hidden;
  }
}
