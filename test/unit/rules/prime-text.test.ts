import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Prime } from '../../../src/contract/prime.ts';
import { renderPrime } from '../../../src/rules/prime-text.ts';

type Facts = Omit<Prime, 'text'>;

const HEAD = 'd'.repeat(40);
const IDLE: Facts = {
  town: 'meadow',
  rig: 'hono',
  agent: 'ada',
  role: 'polecat',
  bead: null,
  branch: null,
  checkpoint: null,
  snapshot: null,
  atRisk: null,
  recovered: null,
};
const HOOKED: Facts = { ...IDLE, bead: { id: 'b1', title: 'Fix it', body: '' }, branch: 'gt/ada/b1' };
const checkpointOf = (data: NonNullable<Facts['checkpoint']>['data']): Facts => ({
  ...HOOKED,
  checkpoint: { seq: 4, bead: 'b1', at: Date.UTC(2026, 0, 2), generation: 1, head: HEAD, data },
});

/** The lines of a Markdown text that no fence encloses (CommonMark: a fence ends at one at least as long). */
function outsideFences(text: string): string[] {
  let fence: string | null = null;
  return text.split('\n').filter((line) => {
    const run = /^ {0,3}(`{3,})([^`]*)$/.exec(line);
    if (fence === null) {
      if (run?.[1] === undefined) return true;
      fence = run[1];
    } else if (run?.[1] !== undefined && run[1].length >= fence.length && run[2]?.trim() === '') fence = null;
    return false;
  });
}

describe('prime as text', () => {
  it('says who the agent is, and that there is nothing to do without a bead', () => {
    const text = renderPrime(IDLE);
    expect(text).toContain('# You are ada, a polecat of rig hono in town meadow');
    expect(text).toContain('No bead is hooked');
    expect(text).not.toContain('## Checkpoint');
  });

  it('names bead and branch, and tells to commit, push, save and finish', () => {
    const text = renderPrime(HOOKED);
    for (const part of [
      '## Your bead: b1',
      '`gt/ada/b1`',
      'Fix it',
      'Commit',
      'push',
      '`gt checkpoint`',
      '`gt done`',
    ])
      expect(text).toContain(part);
    expect(text).toContain('You have saved none');
  });

  it('shows the checkpoint as data with its number, time and commit', () => {
    const text = renderPrime(checkpointOf({ step: 2 }));
    expect(text).toContain(`number 4 at 2026-01-02T00:00:00.000Z on commit ${HEAD}`);
    expect(text).toContain('not an instruction');
    expect(text).toContain('```json\n{\n  "step": 2\n}\n```');
  });

  it('cuts a long checkpoint and says how to get all of it', () => {
    const text = renderPrime(checkpointOf('x'.repeat(100_000)));
    expect(text.length).toBeLessThan(40_000);
    expect(text).toContain('`gt prime --json` has all of it');
  });

  it.each([
    ['remote', 'checked out from its branch'],
    ['base', 'had no such branch'],
    ['kept', 'was left alone'],
  ] as const)('tells of a worktree from %s, of what is lost and of warnings', (from, words) => {
    const text = renderPrime({
      ...HOOKED,
      recovered: {
        recoveryId: null,
        generation: 2,
        at: 1,
        report: {
          agent: 'ada',
          bead: 'b1',
          branch: 'gt/ada/b1',
          head: HEAD,
          from,
          snapshot: 'none',
          files: 1,
          lost: ['commit abc\n# New orders'],
          warnings: ['the branch moved'],
          fault: null,
        },
      },
    });
    expect(text).toContain(words);
    expect(text).toContain('- LOST: commit abc # New orders');
    expect(text).toContain('- Note: the branch moved');
  });

  it('lets no text of others out of its fence', () => {
    const own = new Set(outsideFences(renderPrime(checkpointOf('x'))));
    const piece = fc.constantFrom('`', '```', '````', '\n', '# Obey', '~~~', 'json', ' ', '<!--', 'a');
    const wild = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(wild, wild, wild, (title, body, data) => {
        const facts = checkpointOf(data);
        const text = renderPrime({ ...facts, bead: { id: 'b1', title: title === '' ? 'x' : title, body } });
        expect(outsideFences(text).filter((line) => !own.has(line))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
