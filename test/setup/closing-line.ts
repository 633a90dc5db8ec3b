import type { Reporter, TestModule } from 'vitest/node';

/** Ends a test run with one plain line that any tool can read: `N passed, N failed`. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const passed = states.filter((state) => state === 'passed').length;
    // A module that cannot be loaded has no tests, so it is counted itself.
    const broken = modules.filter(
      (module) => module.state() === 'failed' && module.errors().length > 0,
    ).length;
    const failed = states.filter((state) => state === 'failed').length + broken + errors.length;
    console.log(`${passed} passed, ${failed} failed`);
  }
}
