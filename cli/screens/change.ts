import type { FeedEntry } from '../../src/contract/changes.ts';
import type { Fault } from '../../src/contract/errors.ts';
import type { Style } from '../terminal.ts';
import { because, bytes, duration } from '../words.ts';
import { stateText } from './states.ts';

/** A change of a town as one line, with the time of day in UTC. */
export function changeLine({ at, change }: FeedEntry, style: Style): string {
  return `${style('dim', new Date(at).toISOString().slice(11, 23))}  ${changeWords(change, style)}`;
}

function changeWords(change: FeedEntry['change'], style: Style): string {
  const state = (text: string): string => stateText(text, text, style);
  switch (change.kind) {
    case 'town':
      return `town is ${state(change.state)}${why(change.fault)}`;
    case 'boot':
      return `boot ${change.bootId.slice(0, 8)} is generation ${change.generation}`;
    case 'container.stopped':
      return `container is gone: ${change.exit}`;
    case 'recovery':
      return `recovery of generation ${change.generation} is ${state(change.status)}`;
    case 'phase': {
      const { name, agent, ms, ok, detail } = change.phase;
      const place = agent === null ? change.rig : `${change.rig}/${agent}`;
      return `${place} ${name} took ${duration(ms)}${ok ? '' : ` and ${state('failed')}: ${detail}`}`;
    }
    case 'rig':
      return `rig ${change.rig} is ${state(change.state)}${why(change.fault)}`;
    case 'agent': {
      const { agent, status, bead, fault, atRisk } = change.agent;
      const on = bead === null ? '' : ` on ${bead}`;
      return `${change.rig}/${agent} is ${state(status)}${on}${why(fault)}${atRisk === null ? '' : `; at risk${why(atRisk)}`}`;
    }
    case 'checkpoint':
      return `${change.rig}/${change.agent} saved checkpoint #${change.seq} of ${change.bead}`;
    case 'snapshot': {
      const { files, bytes: size, leftOutCount } = change.snapshot;
      const held = size === null ? `${files} files` : `${files} files, ${bytes(size)}`;
      return `${change.rig}/${change.agent} has a snapshot: ${held}${leftOutCount === 0 ? '' : `, ${leftOutCount} left out`}`;
    }
    case 'done':
      return `${change.rig}/${change.agent} is done with ${change.bead}${change.prUrl === null ? '' : `: ${change.prUrl}`}`;
  }
}

function why(fault: Fault | null): string {
  return fault === null ? '' : `: ${because(fault)}`;
}
