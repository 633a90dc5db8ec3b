import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a test run with one plain line that any tool can read: `N passed, N failed`. Before it stands why a test was skipped,
 * where the test says so.
 */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const results = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result()));
    const states = results.map(({ state }) => state);
    for (const result of results)
      if (result.state === 'skipped' && result.note !== undefined) console.log(result.note);
    const passed = states.filter((state) => state === 'passed').length;
    // A module that cannot be loaded has no tests, so it is counted itself.
    const broken = modules.filter(
      (module) => module.state() === 'failed' && module.errors().length > 0,
    ).length;
    const failed = states.filter((state) => state === 'failed').length + broken + errors.length;
    console.log(`${passed} passed, ${failed} failed`);
  }
}
