/**
 * Time that passes only when everybody waits: `run` wakes who sleeps, in the order of time, and lets all that follows from
 * it happen before it goes on. The same program gives the same course of events each time.
 */
export class VirtualTime {
  readonly #sleepers = new Map<number, Set<() => void>>();
  readonly #times: number[] = [];
  #now = 0;

  /** Milliseconds since the beginning. */
  now(): number {
    return this.#now;
  }

  /** Sleeps for whole milliseconds; rejects when the signal aborts. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const at = this.#now + Math.max(1, Math.round(ms));
    await new Promise<void>((resolve, reject) => {
      const sleepers = this.#sleepersAt(at).add(resolve);
      const giveUp = (): void => {
        sleepers.delete(resolve);
        reject(new Error('nobody waits any more'));
      };
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  /**
   * Lets time pass until `work` is done, or until a time. Throws what the work throws, and an Error where nobody is left to
   * go on.
   */
  async run(work: Promise<unknown>, untilMs = Infinity): Promise<void> {
    let done = false;
    const ended = work.finally(() => (done = true));
    ended.catch(() => undefined);
    await settle();
    for (let at = this.#pop(); !done && at !== undefined && this.#now < untilMs; at = this.#pop()) {
      const sleepers = this.#sleepers.get(at) ?? new Set();
      this.#sleepers.delete(at);
      if (sleepers.size === 0) continue;
      this.#now = at;
      for (const wake of sleepers) wake();
      await settle();
    }
    if (!done && this.#now >= untilMs) return;
    if (!done) throw new Error('everybody waits for something that does not come');
    await ended;
  }

  #sleepersAt(at: number): Set<() => void> {
    const sleepers = this.#sleepers.get(at) ?? new Set();
    if (!this.#sleepers.has(at)) {
      this.#sleepers.set(at, sleepers);
      this.#push(at);
    }
    return sleepers;
  }

  /** A binary heap of the times at which somebody wakes. */
  #push(at: number): void {
    const times = this.#times;
    let place = times.push(at) - 1;
    for (let above = (place - 1) >> 1; place > 0 && (times[above] ?? 0) > at; above = (place - 1) >> 1) {
      times[place] = times[above] ?? 0;
      place = above;
    }
    times[place] = at;
  }

  #pop(): number | undefined {
    const times = this.#times;
    const [first] = times;
    const last = times.pop();
    if (first === undefined || last === undefined || times.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const next = (times[left + 1] ?? Infinity) < (times[left] ?? Infinity) ? left + 1 : left;
      if ((times[next] ?? Infinity) >= last) break;
      times[place] = times[next] ?? 0;
      place = next;
    }
    times[place] = last;
    return first;
  }
}

/** Everything that follows from what has happened happens before the next turn of the event loop. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
