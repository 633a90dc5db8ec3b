import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder, writeWhole } from '../files/write.ts';
import { shellQuote } from '../tools/shell-quote.ts';

const STORE_COMMIT = fileURLToPath(new URL('../tools/store-commit.ts', import.meta.url));

/** When a command ends that made commits; for every commit of a rebase would be too often, its end is enough. */
const CONDITIONS: Readonly<Record<string, string>> = {
  'post-commit': '[ ! -e "$(git rev-parse --git-path rebase-merge)" ]',
  'post-merge': 'true',
  'post-rewrite': '[ "$1" = rebase ]',
};

/**
 * Gives the repository hooks (https://git-scm.com/docs/githooks) that let an agent's `git commit`, `git merge` and
 * `git rebase` return only once the new commits are stored outside the container. Hooks that are there are left alone;
 * where the repository has a hooks path of its own, snapshots follow a moment later.
 */
export function addCommitHooks(repo: string): void {
  const folder = join(repo, 'hooks');
  makeFolder(folder);
  for (const [name, condition] of Object.entries(CONDITIONS)) {
    const file = join(folder, name);
    if (existsSync(file)) continue;
    const lines = [
      '#!/bin/sh',
      '# Without a control server to ask, and whatever it answers, the commit is made.',
      `[ -S "$GT_SOCKET" ] && ${condition} && exec "\${GT_NODE:-node}" ${shellQuote(STORE_COMMIT)}`,
      'exit 0',
      '',
    ];
    // Whole at once: an agent's git may be about to run it.
    writeWhole(file, lines.join('\n'), 0o755);
  }
}
