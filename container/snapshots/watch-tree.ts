import watcher from '@parcel/watcher';
import type { AsyncSubscription } from '@parcel/watcher';
import { errorFacts, log } from '../log.ts';

/** Folders whose changes say nothing: git's own, and what package managers write. */
const IGNORED = ['.git', '**/node_modules/**', '**/.venv/**', '**/target/**'];

/** A tree under watch. */
export interface TreeWatch {
  close(): void;
}

/**
 * Calls `onChange` soon after anything below `dir` changes, and once every `pollMs` in any case: the kernel's watches are
 * limited in number, commits touch no file of the worktree, and a look at an unchanged one is cheap.
 */
export function watchTree(dir: string, pollMs: number, onChange: () => void): TreeWatch {
  const poll = setInterval(onChange, pollMs);
  let closed = false;
  let subscription: AsyncSubscription | null = null;
  const subscribed = watcher
    .subscribe(dir, () => onChange(), { ignore: IGNORED })
    .then(
      async (found) => {
        subscription = found;
        if (closed) await found.unsubscribe();
      },
      (error: unknown) => log.warn('worktree.unwatched', { dir, pollMs, ...errorFacts(error) }),
    );
  return {
    close: () => {
      closed = true;
      clearInterval(poll);
      void subscribed.then(() => subscription?.unsubscribe());
    },
  };
}
