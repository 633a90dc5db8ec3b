import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDir, homeDir, primeDir } from '../agents/places.ts';
import { agentsDir, ownDir, privateDir, repoDir, rigDir, worktreeDir } from '../git/layout.ts';
import { Accounts } from './accounts.ts';
import type { Account } from './accounts.ts';

/** Root's, to be passed through: nobody else learns the names in it. */
const PASSAGE = 0o711;
const PRIVATE = 0o700;
/** What all users of a rig share; what is made in it is theirs as well. */
const SHARED = 0o2770;

/**
 * The users of a town: one for each agent, and one for each rig, as whom git works on its repository. Makes the folders
 * that belong to them. A folder that a user can write in is in one of root's, so that nobody can put another in its place.
 */
export class Users {
  readonly #workspace: string;
  readonly #accounts: Accounts;

  constructor(workspace: string, accounts = new Accounts()) {
    this.#workspace = workspace;
    this.#accounts = accounts;
    mkdirSync(workspace, { recursive: true });
    for (const folder of [
      workspace,
      ...['rigs', 'home', 'prime', 'cache'].map((name) => join(workspace, name)),
    ])
      own(folder, ROOT, PASSAGE);
  }

  /** The user of a rig. */
  rig(rig: string): Account {
    return this.#accounts.of(rig, { home: ownDir(this.#workspace, rig) });
  }

  /** The user of an agent. */
  agent(rig: string, agent: string): Account {
    const home = homeDir(this.#workspace, rig, agent);
    return this.#accounts.of(`${rig}/${agent}`, { home, gid: this.rig(rig).gid });
  }

  /** The HOME of a user of the town. */
  homeOf(uid: number): string {
    return this.#accounts.homeOf(uid);
  }

  /** Makes the folders of a rig, but not its repository. */
  makeRig(rig: string): void {
    const workspace = this.#workspace;
    const user = this.rig(rig);
    own(rigDir(workspace, rig), { uid: 0, gid: user.gid }, 0o750);
    for (const folder of [agentsDir(workspace, rig), privateDir(repoDir(workspace, rig))])
      own(folder, ROOT, PASSAGE);
    for (const folder of [dirname(homeDir(workspace, rig, 'any')), primeDir(workspace, rig)])
      own(folder, ROOT, PASSAGE);
    own(ownDir(workspace, rig), user, PRIVATE);
    own(cacheDir(workspace, rig), user, SHARED);
  }

  /** Makes the empty folder of a rig's repository. */
  makeRepo(rig: string): void {
    own(repoDir(this.#workspace, rig), this.rig(rig), SHARED);
  }

  /** Makes an agent's HOME. */
  makeHome(rig: string, agent: string): void {
    this.makeRig(rig);
    own(homeDir(this.#workspace, rig, agent), this.agent(rig, agent), PRIVATE);
  }

  /**
   * Makes an agent's HOME, and the empty folder of its worktree. To the others the `.git` in that is there: git prunes
   * what it cannot see.
   */
  makeWorktree(rig: string, agent: string): void {
    this.makeHome(rig, agent);
    own(worktreeDir(this.#workspace, rig, agent), this.agent(rig, agent), PASSAGE);
  }
}

const ROOT = { uid: 0, gid: 0 };

function own(folder: string, { uid, gid }: { uid: number; gid: number }, mode: number): void {
  mkdirSync(folder, { recursive: true });
  chownSync(folder, uid, gid);
  chmodSync(folder, mode);
}
