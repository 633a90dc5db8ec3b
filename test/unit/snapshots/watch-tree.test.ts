import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { foldersAbove } from '../../../container/snapshots/odd-places.ts';
import { sweep } from '../../../container/snapshots/sweep.ts';
import type { Looks } from '../../../container/snapshots/sweep.ts';
import { TreeWatch } from '../../../container/snapshots/watch-tree.ts';
import { makeFolder } from './snapshot-scene.ts';

const HOUR_MS = 3_600_000;

/** A worktree under watch; nothing but a watch tells of changes, and `tells` waits for one. */
class Scene {
  readonly dir = makeFolder('watched');
  readonly #watch: TreeWatch;
  #news = 0;

  constructor() {
    const admin = makeFolder('admin');
    mkdirSync(join(admin, 'logs'));
    const onChange = (): void => void (this.#news += 1);
    this.#watch = new TreeWatch({ dir: this.dir, admin }, HOUR_MS, { onChange, onCommit: () => undefined });
    onTestFinished(() => {
      this.#watch.close();
      for (const folder of [this.dir, admin]) rmSync(folder, { recursive: true });
    });
  }

  /** Follows the worktree and these folders in it as they are now. */
  async follow(...folders: string[]): Promise<void> {
    this.#watch.follow(await this.look(...folders));
  }

  async look(...folders: string[]): Promise<Looks> {
    const all = folders.flatMap((folder) => [...foldersAbove([folder]), folder]);
    return await sweep(this.dir, new Set(['', ...all]), new AbortController().signal);
  }

  followLook(looks: Looks): void {
    this.#watch.follow(looks);
  }

  /** Makes a change, and whether it is told; what was told before does not count. */
  async tells(change: () => void): Promise<boolean> {
    await this.#quiet();
    change();
    await vi.waitFor(() => expect(this.#news).toBeGreaterThan(0), { timeout: 30_000, interval: 1 });
    return true;
  }

  /** Lets changes come that were made already, and forgets them. */
  async #quiet(): Promise<void> {
    do {
      this.#news = 0;
      // Through the event loop once, so that all are read that are there.
      await new Promise((resolve) => setTimeout(resolve, 1));
    } while (this.#news > 0);
  }

  mkdir(folder: string): void {
    mkdirSync(join(this.dir, folder), { recursive: true });
  }

  write(file: string): void {
    writeFileSync(join(this.dir, file), 'text');
  }
}

test('a change is told in every folder that is followed, however many came at once', async () => {
  const scene = new Scene();
  await scene.follow();
  expect(await scene.tells(() => scene.mkdir('a/b/c'))).toBe(true);
  await scene.follow('a/b/c');
  expect(await scene.tells(() => scene.write('a/b/c/file'))).toBe(true);
});

test('what changes between the look and the watch is told', async () => {
  const scene = new Scene();
  scene.mkdir('a');
  const looks = await scene.look('a');
  scene.write('a/file');
  expect(await scene.tells(() => scene.followLook(looks))).toBe(true);
});

test('a change is told in a folder that came into the place of another', async () => {
  const scene = new Scene();
  for (const folder of ['a/x', 'b/x']) scene.mkdir(folder);
  await scene.follow('a/x', 'b/x');
  expect(await scene.tells(() => renameSync(join(scene.dir, 'a'), join(scene.dir, 'old')))).toBe(true);
  renameSync(join(scene.dir, 'b'), join(scene.dir, 'a'));
  await scene.follow('a/x', 'old/x');
  expect(await scene.tells(() => scene.write('a/x/moved'))).toBe(true);
});

test('a change is told in a folder that was made anew, though it got the number of the one before', async () => {
  const scene = new Scene();
  scene.mkdir('a');
  const before = await scene.look('a');
  scene.followLook(before);
  expect(await scene.tells(() => rmSync(join(scene.dir, 'a'), { recursive: true }))).toBe(true);
  scene.mkdir('a');
  scene.followLook(before);
  expect(await scene.tells(() => scene.write('a/new'))).toBe(true);
});

test('when the kernel drops changes, every worktree is taken to have changed', async () => {
  const [busy, other] = [new Scene(), new Scene()];
  await busy.follow();
  await other.follow();
  const isTold = await other.tells(() => {
    // Nothing is read meanwhile: the last change comes when the queue is full.
    execFileSync('sh', ['-c', 'seq 20000 | xargs touch'], { cwd: busy.dir });
    other.write('lost');
  });
  expect(isTold).toBe(true);
});
