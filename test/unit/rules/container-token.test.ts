import { describe, expect, it } from 'vitest';
import {
  judgeToken,
  NEVER_STARTED,
  nextStart,
  noteBoot,
  noteToken,
} from '../../../src/rules/container-token.ts';
import type { Start } from '../../../src/rules/container-token.ts';

const ofBoot = (boot: string) => ({ boot, start: null });
const ofStart = (start: string) => ({ boot: null, start });
const OF_NOTHING = { boot: null, start: null };

const waiting: Start = { id: 's2', bootId: null, spent: false };
const running: Start = { id: 's2', bootId: 'b2', spent: false };
const spent: Start = { id: 's2', bootId: 'b2', spent: true };

describe('a token for a boot', () => {
  it('is for that boot only, whatever the start', () => {
    for (const start of [null, NEVER_STARTED, waiting, running, spent]) {
      expect(judgeToken(ofBoot('b2'), 'b2', start)).toBe('pass');
      expect(judgeToken(ofBoot('b1'), 'b2', start)).toBe('foreign');
    }
  });

  it('spends that of its own start, and that of no other', () => {
    expect(noteToken(ofBoot('b2'), running)).toEqual(spent);
    expect(noteToken(ofBoot('b1'), running)).toBe(running);
    expect(noteToken(ofBoot('b2'), waiting)).toBe(waiting);
    expect(noteToken(ofStart('s2'), running)).toBe(running);
    expect(noteToken(ofBoot('b2'), null)).toBeNull();
  });
});

describe('a token for a start', () => {
  it('is for any boot until one is accepted, then for that one, and for none once it is spent', () => {
    expect(judgeToken(ofStart('s2'), 'b2', waiting)).toBe('pass');
    expect(judgeToken(ofStart('s2'), 'b2', running)).toBe('pass');
    expect(judgeToken(ofStart('s2'), 'b9', running)).toBe('foreign');
    expect(judgeToken(ofStart('s2'), 'b2', spent)).toBe('foreign');
  });

  it('is over with the next start', () => {
    expect(judgeToken(ofStart('s1'), 'b1', waiting)).toBe('stale');
    expect(judgeToken(ofStart('s1'), 'b2', spent)).toBe('stale');
    expect(judgeToken(ofStart('s1'), 'b1', null)).toBe('stale');
  });
});

describe('a token of the release before', () => {
  it('holds until this release starts the container, and not for towns that this release made', () => {
    expect(judgeToken(OF_NOTHING, 'b1', null)).toBe('pass');
    for (const start of [NEVER_STARTED, waiting, running, spent])
      expect(judgeToken(OF_NOTHING, 'b1', start)).toBe('stale');
  });
});

describe('a start', () => {
  it('is begun again until a boot has come of it, so that a slow one is not refused', () => {
    expect(nextStart(waiting, 'new')).toBe(waiting);
    for (const start of [null, NEVER_STARTED, running, spent])
      expect(nextStart(start, 'new')).toEqual({ id: 'new', bootId: null, spent: false });
  });

  it('is that of the boot which the Town accepts, also of a second one', () => {
    expect(noteBoot('b2', waiting)).toEqual(running);
    expect(noteBoot('b3', spent)).toEqual({ id: 's2', bootId: 'b3', spent: false });
    expect(noteBoot('b2', null)).toBeNull();
  });
});
