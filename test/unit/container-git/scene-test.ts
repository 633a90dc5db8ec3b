import { test } from 'vitest';
import { planFor, Scene } from './scene.ts';
import type { SceneOptions } from './scene.ts';

interface Scenes {
  readonly makeScene: (options?: SceneOptions) => Scene;
  /** A remote with one commit on `main`, and an empty disk. */
  readonly scene: Scene;
}

/** A test with scenes of its own, which are removed after it. */
export const sceneTest = test.extend<Scenes>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads from the pattern which fixtures this one needs
  makeScene: async ({}, use) => {
    const made: Scene[] = [];
    await use((options) => {
      const scene = new Scene(options);
      made.push(scene);
      return scene;
    });
    for (const scene of made) scene.remove();
  },
  scene: async ({ makeScene }, use) => use(makeScene()),
});

/** The same, with the worktree of agent `ada` restored already. */
export const restoredTest = sceneTest.extend({
  scene: async ({ makeScene }, use) => {
    const scene = makeScene();
    await scene.restore([planFor('ada')]);
    await use(scene);
  },
});
