import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, join } from 'node:path';
import { isAbsence } from '../git/worktree-marks.ts';
import { errorFacts, log } from '../log.ts';
import { BURSTS } from './bursts.ts';
import { onDisk } from './byte-path.ts';
import type { BytePath } from './byte-path.ts';
import type { Looks } from './sweep.ts';

/** Folders that package managers write: their changes say nothing. */
const PACKAGES = /(?:^|\/)(?:node_modules|\.venv|target)(?:\/|$)/;

/** What is heard of a worktree: that something in it changed, or that a commit was made. */
export interface TreeNews {
  readonly onChange: () => void;
  readonly onCommit: () => void;
}

interface WatchedFolder {
  readonly watcher: FSWatcher;
  /** Which folder it was when it was looked at: another one may have come into its place. */
  readonly ino: number;
}

/**
 * Tells soon after anything in the followed folders of a worktree, its index or its HEAD changes. Where the kernel gives no
 * more watches it tells once every `pollMs` in any case.
 */
export class TreeWatch {
  readonly #dir: string;
  readonly #pollMs: number;
  readonly #news: TreeNews;
  readonly #folders = new Map<BytePath, WatchedFolder>();
  readonly #own: (FSWatcher | null)[];
  #poll: NodeJS.Timeout | undefined;
  #closed = false;

  /** `admin` is where git keeps the worktree's index and HEAD. */
  constructor({ dir, admin }: { dir: string; admin: string }, pollMs: number, news: TreeNews) {
    [this.#dir, this.#pollMs, this.#news] = [dir, pollMs, news];
    BURSTS.add(news.onChange);
    this.#own = [
      this.#watch(admin, news.onChange),
      // The reflog is written with every move of HEAD, and with nothing else.
      this.#watch(join(admin, 'logs'), news.onCommit),
    ];
  }

  /**
   * Watches these folders, as a look at the worktree has found them, and no others. What changed in them between that look
   * and the watch is news.
   */
  follow(folders: Looks): void {
    if (this.#closed || this.#poll !== undefined) return;
    for (const path of [...this.#folders.keys()]) {
      if (!folders.has(path)) this.#leave(path);
    }
    let isNews = false;
    for (const [path, look] of folders) {
      if (typeof look === 'string' || PACKAGES.test(path)) continue;
      if (this.#folders.get(path)?.ino === look.ino) continue;
      this.#leave(path);
      const watcher = this.#watchFolder(path);
      if (watcher !== null) this.#folders.set(path, { watcher, ino: look.ino });
      isNews = true;
    }
    if (isNews) this.#news.onChange();
  }

  close(): void {
    this.#closed = true;
    BURSTS.delete(this.#news.onChange);
    clearInterval(this.#poll);
    for (const watcher of this.#own) watcher?.close();
    for (const path of [...this.#folders.keys()]) this.#leave(path);
  }

  #leave(path: BytePath): void {
    this.#folders.get(path)?.watcher.close();
    this.#folders.delete(path);
  }

  #watchFolder(path: BytePath): FSWatcher | null {
    const place = onDisk(this.#dir, path);
    const name = basename(place.toString());
    const onEvent = (event: string, changed: string | null): void => {
      // Of its own end or move a folder tells by its own name.
      if (event === 'rename' && changed === name) this.#leave(path);
      this.#news.onChange();
    };
    // One that is gone since it was looked at: the folder above tells of that.
    return this.#watch(place, onEvent, isAbsence);
  }

  #watch(
    folder: string | Buffer,
    onEvent: (event: string, name: string | null) => void,
    isHarmless: (error: unknown) => boolean = () => false,
  ): FSWatcher | null {
    if (this.#poll !== undefined) return null;
    try {
      const watcher = watch(folder, { persistent: false }, (event, name) => {
        BURSTS.count();
        onEvent(event, name);
      });
      return watcher.on('error', (error) => this.#unwatched(error));
    } catch (error) {
      if (!isHarmless(error)) this.#unwatched(error);
      return null;
    }
  }

  #unwatched(error: unknown): void {
    if (this.#closed || this.#poll !== undefined) return;
    log.warn('worktree.unwatched', { dir: this.#dir, pollMs: this.#pollMs, ...errorFacts(error) });
    this.#poll = setInterval(this.#news.onChange, this.#pollMs);
  }
}
