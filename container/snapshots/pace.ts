/** Changes that stop for this long are worth a snapshot. */
export const QUIET_MS = 2_000;

/** After a commit. */
const SOON_MS = 100;

/** After this long without a sign of change it is looked all the same, then after twice as long, and so on. */
const ROUND_MS = 120_000;
const ROUND_MAX_MS = 600_000;

const RETRY_BASE_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/**
 * When the next snapshot of one worktree is due: soon after a commit, once changes go quiet, but at the latest
 * `intervalMs` after the first of them; after a failure with back-off. While the agent writes, something is taken to have
 * changed in every interval: its session is not in its worktree, and some folders are not watched. While it does not, it is
 * looked now and then.
 */
export class Pace {
  readonly #intervalMs: number;
  readonly #due: () => void;
  readonly #beat: NodeJS.Timeout;
  #quiet: NodeJS.Timeout | undefined;
  #latest: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #stirred = false;
  #stillMs = 0;
  #roundMs = ROUND_MS;
  #stopped = false;

  constructor(intervalMs: number, due: () => void) {
    this.#intervalMs = intervalMs;
    this.#due = due;
    this.#beat = setInterval(() => this.#look(), intervalMs);
  }

  /** The agent wrote something. */
  stirred(): void {
    this.#stirred = true;
  }

  /** Something in the worktree changed. */
  changed(): void {
    if (this.#stopped) return;
    this.#stillMs = 0;
    this.#roundMs = ROUND_MS;
    clearTimeout(this.#quiet);
    this.#quiet = this.#in(Math.min(QUIET_MS, this.#intervalMs));
    this.#latest ??= this.#in(this.#intervalMs);
  }

  /** A commit was made: what follows it at once is taken with it. */
  committed(): void {
    if (!this.#stopped) this.#soon ??= this.#in(SOON_MS);
  }

  /** A snapshot begins: changes from now on are for the next one. */
  begun(): void {
    for (const timer of [this.#quiet, this.#latest, this.#soon, this.#retry]) clearTimeout(timer);
    this.#quiet = this.#latest = this.#soon = this.#retry = undefined;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** The snapshot was not stored: it is due again after a while. */
  failed(): void {
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** this.#failures);
    this.#failures += 1;
    if (!this.#stopped) this.#retry = this.#in(waitMs);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#beat);
    this.begun();
  }

  #look(): void {
    if (this.#stirred) {
      this.#stirred = false;
      this.changed();
      return;
    }
    this.#stillMs += this.#intervalMs;
    if (this.#stillMs < this.#roundMs) return;
    this.#stillMs = 0;
    this.#roundMs = Math.min(this.#roundMs * 2, ROUND_MAX_MS);
    this.#due();
  }

  #in(ms: number): NodeJS.Timeout {
    return setTimeout(this.#due, ms);
  }
}
