import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/** What runs for half a minute and more, in which the short ones find their gaps. */
const LONG = /\.property\.test\.ts$|\/test\/(?:e2e|browser)\//;

/** Begins with the tests that take longest, so that none of them is left alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const [long = [], short = []] = [true, false].map((wanted) =>
      sorted.filter(({ moduleId }) => LONG.test(moduleId) === wanted),
    );
    return [...long, ...short];
  }
}
