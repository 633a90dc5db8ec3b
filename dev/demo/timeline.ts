import type { FeedEntry } from '../../src/contract/changes.ts';

/** The stages of an agent that a reader of the timeline cares about. */
const SHOWN_STATUSES = new Set(['pending', 'starting', 'working', 'failed', 'idle']);

/** Prints a town's changes as they come, each with its milliseconds since the last `mark`. */
export class Timeline {
  #zero = Date.now();
  #statuses = new Map<string, string>();
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Starts the clock again, with a headline. */
  mark(headline: string): void {
    this.#zero = Date.now();
    this.#print(`\n${headline}`);
  }

  show({ at, change }: FeedEntry): void {
    const line = this.#words(change);
    if (line !== null) this.#print(`${String(at - this.#zero).padStart(7)} ms  ${line}`);
  }

  #words(change: FeedEntry['change']): string | null {
    switch (change.kind) {
      case 'boot':
        return `boot ${change.bootId.slice(0, 8)} is generation ${change.generation}`;
      case 'container.stopped':
        return `container is gone: ${change.exit}`;
      case 'recovery':
        return `recovery ${change.recoveryId.slice(0, 13)} is ${change.status}`;
      case 'phase': {
        const { name, agent, ms, ok, detail } = change.phase;
        const who = [change.rig.padEnd(12), (agent ?? '').padEnd(8)].join(' ');
        return `  ${who} ${name.padEnd(12)} ${String(Math.round(ms)).padStart(6)} ms ${ok ? '' : `failed: ${detail}`}`;
      }
      case 'rig':
        return change.fault === null ? null : `rig ${change.rig} is ${change.state}: ${change.fault.reason}`;
      case 'agent':
        return this.#agentWords(change.rig, change.agent);
      case 'done':
        return `${change.rig}/${change.agent} is done with ${change.bead}`;
      case 'town':
        return `town is ${change.state}${change.fault === null ? '' : `: ${change.fault.reason}`}`;
      case 'snapshot':
      case 'checkpoint':
        return null;
    }
  }

  #agentWords(rig: string, agent: { agent: string; status: string; bead: string | null }): string | null {
    const who = `${rig}/${agent.agent}`;
    const isNews = this.#statuses.get(who) !== agent.status && SHOWN_STATUSES.has(agent.status);
    this.#statuses.set(who, agent.status);
    return isNews && agent.bead !== null ? `${who} is ${agent.status}` : null;
  }
}
