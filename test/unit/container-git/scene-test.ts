import { test } from 'vitest';
import { planFor, Scene } from './scene.ts';
import type { SceneOptions } from './scene.ts';

const withScenes = test.extend<{ makeScene: (options?: SceneOptions) => Scene }>({
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
});

/** A test with a remote of one commit on `main` and an empty disk, both its own. */
export const sceneTest = withScenes.extend<{ scene: Scene }>({
  scene: async ({ makeScene }, use) => use(makeScene()),
});

/** The same, with the worktree of agent `ada` restored already. */
export const restoredTest = withScenes.extend<{ scene: Scene }>({
  scene: async ({ makeScene }, use) => {
    const scene = makeScene();
    await scene.restore([planFor('ada')]);
    await use(scene);
  },
});
