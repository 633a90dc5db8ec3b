import { describe, expect, it } from 'vitest';
import { contentOf } from '../chaos/actions.ts';
import type { Action } from '../chaos/actions.ts';
import type { Trees } from '../chaos/histories.ts';
import type { JournalLine } from '../chaos/journal.ts';
import { judge } from '../chaos/verdict.ts';
import type { Evidence, Verdict } from '../chaos/verdict.ts';

const BOUND_MS = 4_000;
const KILLED_AT = 100_000;
const NOTHING: Trees = { files: new Map(), index: new Map() };

/** The journal of actions that ended so many milliseconds before the kill; null for one that never ended. */
function journalOf(actions: readonly (readonly [Action, number | null])[]): JournalLine[] {
  return actions.flatMap(([action, ageMs], at) => {
    const endedAt = KILLED_AT - (ageMs ?? 0);
    const about = { n: at + 1, life: 1 };
    const begun: JournalLine = { what: 'begun', ...about, at: endedAt - 1, action };
    const ended: JournalLine = { what: 'ended', ...about, at: endedAt, commit: null, failure: null };
    return ageMs === null ? [begun] : [begun, ended];
  });
}

function verdictOn(evidence: Partial<Evidence>): Verdict {
  const still = {
    base: NOTHING,
    lines: [],
    owedCommits: [],
    restored: NOTHING,
    reachable: new Set<string>(),
  };
  return judge({ ...still, killedAt: KILLED_AT, boundMs: BOUND_MS, ...evidence });
}

function files(contents: Record<string, string>): Trees {
  return { files: new Map(Object.entries(contents)), index: new Map() };
}

const write = (path: string, lines = 3): Action => ({ kind: 'write', path, lines });
const CLEAN: Verdict = { lostCommits: [], lostChanges: [], foreign: [] };

describe('the verdict on a worktree', () => {
  it('is clean when everything is as it was at the kill', () => {
    const lines = journalOf([
      [write('a'), 9_000],
      [{ kind: 'append', path: 'a' }, 8_000],
      [{ kind: 'rename', path: 'a', to: 'b' }, 7_000],
      [{ kind: 'stage all' }, 6_000],
      [{ kind: 'delete', path: 'b' }, 10],
    ]);
    const staged = `${contentOf(1, 'a', 3)}action 2 appended\n`;
    const restored = { files: new Map(), index: new Map([['b', staged]]) };
    expect(verdictOn({ lines, restored })).toEqual(CLEAN);
  });

  it('names a commit that cannot be reached, however young, and none that returned after the kill', () => {
    const owedCommits = [
      { n: 1, commit: 'kept', endedAt: KILLED_AT - 50 },
      { n: 2, commit: 'lost', endedAt: KILLED_AT - 2 },
      { n: 3, commit: 'late', endedAt: KILLED_AT + 1 },
    ];
    const { lostCommits } = verdictOn({ owedCommits, reachable: new Set(['kept']) });
    expect(lostCommits).toEqual([{ n: 2, kind: 'commit', what: 'lost', ageMs: 2, owed: true }]);
  });

  it('names a lost write that was older than the bound, apart from younger ones that may be lost', () => {
    const lines = journalOf([
      [write('a'), 9_000],
      [write('a'), 5_000],
      [write('a'), 1_000],
    ]);
    const { lostChanges, foreign } = verdictOn({ lines, restored: files({ a: contentOf(1, 'a', 3) }) });
    expect(foreign).toEqual([]);
    expect(lostChanges).toMatchObject([
      { n: 2, what: 'a', ageMs: 5_000, owed: true },
      { n: 3, what: 'a', ageMs: 1_000, owed: false },
    ]);
  });

  it('names a lost deletion, a lost rename and lost staging', () => {
    const base = files({ a: 'a', b: 'b', c: 'c' });
    const lines = journalOf([
      [{ kind: 'delete', path: 'a' }, 9_000],
      [{ kind: 'rename', path: 'b', to: 'd' }, 9_000],
      [{ kind: 'stage', path: 'c' }, 9_000],
    ]);
    const { lostChanges } = verdictOn({ base, lines, restored: base });
    expect(lostChanges.map(({ what, owed }) => [what, owed])).toEqual([
      ['a', true],
      ['b', true],
      ['d', true],
      ['index:c', true],
    ]);
  });

  it('takes a mix of two versions for damage', () => {
    const lines = journalOf([
      [write('a', 50), 9_000],
      [{ kind: 'replace', path: 'a', lines: 50 }, 3_000],
    ]);
    const mix = `${contentOf(1, 'a', 50).slice(0, 300)}${contentOf(2, 'a', 50).slice(300)}`;
    expect(verdictOn({ lines, restored: files({ a: mix }) }).foreign).toEqual([
      expect.stringContaining('a holds'),
    ]);
  });

  it('takes a file for damage that nobody wrote, and the absence of one that nobody touched', () => {
    const { foreign } = verdictOn({ base: files({ kept: 'text' }), restored: files({ strange: 'text' }) });
    expect(foreign).toEqual(['kept holds nothing', expect.stringContaining('strange holds')]);
  });

  it('allows a file to be half written by an action of the last moments, and by no older one', () => {
    const half = contentOf(2, 'a', 50).slice(0, 100);
    const seen = (ageMs: number | null): Verdict =>
      verdictOn({
        lines: journalOf([
          [write('a', 50), 9_000],
          [write('a', 50), ageMs],
        ]),
        restored: files({ a: half }),
      });
    expect(seen(null)).toEqual(CLEAN);
    expect(seen(1_000).lostChanges).toMatchObject([{ n: 2, owed: false }]);
    expect(seen(5_000).lostChanges).toMatchObject([{ n: 2, owed: true }]);
  });

  it('does not take the shorter file before two appends for the half of the second', () => {
    const lines = journalOf([
      [write('a'), 9_000],
      [{ kind: 'append', path: 'a' }, 8_000],
      [{ kind: 'append', path: 'a' }, 1_000],
    ]);
    const { lostChanges } = verdictOn({ lines, restored: files({ a: contentOf(1, 'a', 3) }) });
    expect(lostChanges.map(({ n, owed }) => [n, owed])).toEqual([
      [2, true],
      [3, false],
    ]);
  });

  it('leaves open whether an action was done that failed or never ended', () => {
    const lines = journalOf([[write('a'), null]]);
    expect(verdictOn({ lines })).toEqual(CLEAN);
    expect(verdictOn({ lines, restored: files({ a: contentOf(1, 'a', 3) }) })).toEqual(CLEAN);
  });
});
