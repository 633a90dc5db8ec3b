/** The kernel keeps so many changes that nobody has read yet, if it is not told otherwise (inotify(7)). */
const QUEUE_LENGTH = 16_384;

/**
 * Changes come from one queue for all worktrees, and when it is full the kernel drops some. Node does not tell of that, so
 * when very many are read at once, every worktree is taken to have changed.
 */
class Bursts {
  readonly #everybody = new Set<() => void>();
  #count = 0;

  add(onBurst: () => void): void {
    this.#everybody.add(onBurst);
  }

  delete(onBurst: () => void): void {
    this.#everybody.delete(onBurst);
  }

  /** A change was read. */
  count(): void {
    // A queue is read to its end before anything else gets its turn.
    if (this.#count === 0) setImmediate(() => (this.#count = 0));
    this.#count += 1;
    if (this.#count === QUEUE_LENGTH / 2) for (const onBurst of this.#everybody) onBurst();
  }
}

/** Of this process: so is the queue. */
export const BURSTS = new Bursts();
