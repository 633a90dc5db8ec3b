import type { FeedEntry } from '../../../src/contract/changes.ts';
import type { Trial } from './trial.ts';

/** One line for a run that went well. */
export function trialLine({ number, blows, ms, violations }: Trial): string {
  const hits = blows.map(({ fault, missed }) => (missed === null ? fault : `(missed: ${fault}: ${missed})`));
  const verdict = violations.length === 0 ? 'held' : `${violations.length} VIOLATIONS`;
  return `run ${number}: ${verdict} in ${(ms / 1000).toFixed(1)} s; ${hits.join(' | ') || 'nothing struck'}`;
}

/** All that is needed to understand a run in which something was wrong, and to repeat it. */
export function violationReport({ number, seed, blows, violations, feed }: Trial, suiteSeed: number): string {
  const start = feed[0]?.at ?? 0;
  const since = (at: number | null): string => (at === null ? '-' : `${((at - start) / 1000).toFixed(2)} s`);
  return [
    ...violations.map(({ invariant, seen }) => `  VIOLATION  ${invariant}: ${seen}`),
    `  repeat: npm run chaos -- --seed ${suiteSeed} --only ${number}   (the run's own seed: ${seed})`,
    ...blows.map(
      ({ plan, fault, at, endedAt, missed, recoveryMs }) =>
        `  fault  ${since(at)} to ${since(endedAt)}  ${fault} (${plan})  ${missed ?? `recovered after ${recoveryMs} ms`}`,
    ),
    ...feed.map((entry) => `  event  ${since(entry.at)}  ${eventText(entry)}`),
  ].join('\n');
}

const LONGEST_EVENT = 260;

function eventText({ change }: FeedEntry): string {
  if (change.kind !== 'agent') return JSON.stringify(change).slice(0, LONGEST_EVENT);
  const { agent, status, attempts, generation, fault, notBefore } = change.agent;
  return JSON.stringify({ agent, status, generation, attempts, notBefore, fault }).slice(0, LONGEST_EVENT);
}
