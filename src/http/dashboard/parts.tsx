import type { Fault } from '../../contract/errors.ts';
import { age } from './words.ts';

/** How each state looks: well, under way, at rest, to be seen to, broken. */
const TONES: Readonly<Record<string, 'good' | 'busy' | 'rest' | 'warn' | 'bad'>> = {
  lit: 'good',
  ready: 'good',
  complete: 'good',
  working: 'good',
  starting: 'busy',
  recovering: 'busy',
  running: 'busy',
  restoring: 'busy',
  pending: 'busy',
  waiting: 'busy',
  degraded: 'warn',
  partial: 'warn',
  stalled: 'warn',
  failed: 'bad',
};

/** A state by its word, with a colour and a shape of its own: nobody has to tell colours apart. */
export function State({ state }: { state: string }) {
  return <span class={`state ${TONES[state] ?? 'rest'}`}>{state}</span>;
}

/** A moment by how long ago it is; the moment itself is in its title. */
export function Ago({ at, now }: { at: number; now: number }) {
  const iso = new Date(at).toISOString();
  return (
    <time datetime={iso} title={iso}>
      {age(at, now)}
    </time>
  );
}

/** Why something is not as it should be, and the code to look it up by. */
export function Why({ fault }: { fault: Fault }) {
  return (
    <span class="why">
      {fault.reason} <code>{fault.code}</code>
    </span>
  );
}

/** The beginning of a commit's name, which is enough to find it. */
export function Commit({ head }: { head: string }) {
  return <code title={head}>{head.slice(0, 8)}</code>;
}

/** One figure with its name. */
export function Figure({ name, children }: { name: string; children?: unknown }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
