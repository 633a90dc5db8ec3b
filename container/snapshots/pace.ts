/** Changes that stop for this long are worth a snapshot. */
export const QUIET_MS = 2_000;

/** After a commit. */
const SOON_MS = 100;

/** How often it is looked without a sign of change: an agent's session is not in its worktree. */
const ROUND_MS = 60_000;

const RETRY_BASE_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/**
 * When the next snapshot of one worktree is due: soon after a commit, once changes go quiet, but at the latest
 * `intervalMs` after the first of them; after a failure with back-off, and now and then, changes or not.
 */
export class Pace {
  readonly #intervalMs: number;
  readonly #due: () => void;
  readonly #round: NodeJS.Timeout;
  #quiet: NodeJS.Timeout | undefined;
  #latest: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;

  constructor(intervalMs: number, due: () => void) {
    this.#intervalMs = intervalMs;
    this.#due = due;
    this.#round = setInterval(due, Math.max(ROUND_MS, intervalMs));
  }

  /** Something in the worktree changed. */
  changed(): void {
    if (this.#stopped) return;
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
    clearInterval(this.#round);
    this.begun();
  }

  #in(ms: number): NodeJS.Timeout {
    return setTimeout(this.#due, ms);
  }
}
