/** What all towns share: so many requests in each second, and a refusal of those above. */
export class Limit {
  readonly #perSecond: number;
  readonly #asked: number[] = [];
  readonly #granted: number[] = [];

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** One more request at `now` (ms); true if it is granted. */
  ask(now: number): boolean {
    const second = Math.floor(now / 1000);
    this.#asked[second] = (this.#asked[second] ?? 0) + 1;
    const granted = this.#granted[second] ?? 0;
    if (granted >= this.#perSecond) return false;
    this.#granted[second] = granted + 1;
    return true;
  }

  /** Requests in the busiest second, on average over the seconds from the first to the last, in all, and refused ones. */
  tally(): { peak: number; mean: number; total: number; refused: number } {
    const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
    const first = this.#asked.findIndex((count) => count > 0);
    const total = sum(this.#asked);
    return {
      peak: this.#asked.reduce((most, count) => Math.max(most, count), 0),
      mean: total / Math.max(1, this.#asked.length - first),
      total,
      refused: total - sum(this.#granted),
    };
  }
}
