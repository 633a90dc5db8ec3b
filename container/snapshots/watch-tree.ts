import watcher from '@parcel/watcher';
import type { AsyncSubscription } from '@parcel/watcher';
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { errorFacts, log } from '../log.ts';

/** Folders whose changes say nothing: git's own, and what package managers write. */
const IGNORED = ['.git', '**/node_modules/**', '**/.venv/**', '**/target/**'];

/** A worktree under watch. */
export interface TreeWatch {
  close(): void;
}

/** What is heard of a worktree: that something in it changed, or that a commit was made. */
export interface TreeNews {
  readonly onChange: () => void;
  readonly onCommit: () => void;
}

/**
 * Tells soon after anything in the worktree `dir`, its index or its HEAD changes. While it is not watched, for the kernel's
 * watches are limited in number, it tells once every `pollMs` in any case. `admin` is where git keeps the worktree's index
 * and HEAD.
 */
export function watchTree(
  { dir, admin }: { dir: string; admin: string },
  pollMs: number,
  { onChange, onCommit }: TreeNews,
): TreeWatch {
  let poll: NodeJS.Timeout | undefined;
  const unwatched = (error: unknown): void => {
    log.warn('worktree.unwatched', { dir, pollMs, ...errorFacts(error) });
    if (!closed) poll ??= setInterval(onChange, pollMs);
  };
  let closed = false;
  let subscription: AsyncSubscription | null = null;
  const subscribed = watcher
    // Lost events are told as an error, and are a change.
    .subscribe(dir, () => onChange(), { ignore: IGNORED })
    .then(async (found) => {
      subscription = found;
      if (closed) await found.unsubscribe();
      // What changed before the watch began.
      else onChange();
    }, unwatched);
  // The reflog is written with every move of HEAD, and with nothing else.
  const own = [
    watchFolder(admin, onChange, unwatched),
    watchFolder(join(admin, 'logs'), onCommit, unwatched),
  ];
  return {
    close: () => {
      closed = true;
      clearInterval(poll);
      for (const each of own) each?.close();
      void subscribed.then(() => subscription?.unsubscribe());
    },
  };
}

function watchFolder(
  folder: string,
  onEvent: () => void,
  onError: (error: unknown) => void,
): FSWatcher | null {
  try {
    return watch(folder, { persistent: false }, onEvent).on('error', onError);
  } catch (error) {
    onError(error);
    return null;
  }
}
