import { execa } from 'execa';
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommitId } from '../../src/contract/ids.ts';
import { appendedBy, contentOf } from './actions.ts';
import type { Action } from './actions.ts';

/**
 * Does action `n` in the current directory. Gives the id of the commit that a `commit` made, else null. Throws what git
 * refused.
 */
export async function perform(n: number, action: Action): Promise<string | null> {
  switch (action.kind) {
    case 'write':
      makeFolderOf(action.path);
      writeFileSync(action.path, contentOf(n, action.path, action.lines));
      return null;
    case 'replace': {
      const draft = join(tmpdir(), `draft-${n}`);
      writeFileSync(draft, contentOf(n, action.path, action.lines));
      makeFolderOf(action.path);
      renameSync(draft, action.path);
      return null;
    }
    case 'append':
      makeFolderOf(action.path);
      appendFileSync(action.path, appendedBy(n));
      return null;
    case 'delete':
      rmSync(action.path);
      return null;
    case 'rename':
      makeFolderOf(action.to);
      renameSync(action.path, action.to);
      return null;
    case 'stage':
      await execa`git add -- ${action.path}`;
      return null;
    case 'stage all':
      await execa`git add --all`;
      return null;
    case 'commit':
      await execa`git commit --quiet --allow-empty --message ${`action ${n}`}`;
      return newestCommit();
    case 'push':
      await execa`git push --quiet origin HEAD`;
      return null;
  }
}

/**
 * The tip of the branch, which git has just written to a file of its own. A further git command would take longer than
 * the moment after a commit that a kill is aimed at.
 */
function newestCommit(): string {
  const admin = readFileSync('.git', 'utf8').trim().slice('gitdir: '.length);
  const head = readFileSync(join(admin, 'HEAD'), 'utf8').trim().slice('ref: '.length);
  return CommitId.parse(readFileSync(join(admin, '../..', head), 'utf8').trim());
}

function makeFolderOf(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
}
