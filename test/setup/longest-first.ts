import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/** What runs for half a minute and more, in which the short ones find their gaps. */
const LONG = /\.property\.test\.ts$|\/test\/(?:e2e|browser)\//;

/** Begins with the tests that take longest, so that none of them is left alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => (LONG.test(moduleId) ? 0 : 1);
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
