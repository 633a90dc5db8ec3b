import { describe, expect, it } from 'vitest';
import { runDemo } from '../../dev/demo/run.ts';

describe('a town with three rigs and six agents', () => {
  it('finishes everything although its container is killed three times in mid-work', async () => {
    const lines: string[] = [];
    const pages: number[] = [];
    const pause = async (words: string): Promise<void> => {
      const answer = await fetch(/http\S+/.exec(words)?.[0] ?? '');
      pages.push(answer.status);
      expect(await answer.text()).toContain('Sign in');
    };
    const print = (line: string): void => void lines.push(line);
    const result = await runDemo({ gitUrl: null, kills: 3, steps: 6, print, pause });
    expect(pages).toEqual([200, 200]);
    expect(result.lost, lines.join('\n')).toEqual([]);
    expect(result).toMatchObject({ ok: true, rigs: 3, agents: 6, generation: 4 });
    expect(result.recovery.rigs.map(({ status }) => status)).toEqual(['ready', 'ready', 'ready']);
  });
});
