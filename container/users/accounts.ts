import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';

/** A user of the system: one rig's own, or one agent's. `gid` is the group that all users of a rig share. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** The system's lists of users and groups: passwd(5), group(5). */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

const SYSTEM: AccountFiles = { passwd: '/etc/passwd', group: '/etc/group' };

/** Above what Debian gives to people, below what it keeps for itself (Debian Policy 9.2.2). */
const [FIRST_ID, LAST_ID] = [20_000, 59_999];

/** Says in the comment of an entry whose it is. */
const COMMENT = 'relight ';

/** The accounts that Relight has allotted on this disk: read from the system's lists, and added to them. */
export class Accounts {
  readonly #files: AccountFiles;
  readonly #byOwner = new Map<string, Account>();
  #nextId = FIRST_ID;
  /** A writer that was killed may have left a line without its end. */
  readonly #glue: Record<keyof AccountFiles, string>;

  constructor(files: AccountFiles = SYSTEM) {
    this.#files = files;
    const [passwd, group] = [readFileSync(files.passwd, 'utf8'), readFileSync(files.group, 'utf8')];
    this.#glue = { passwd: glueAfter(passwd), group: glueAfter(group) };
    for (const line of passwd.split('\n')) this.#learn(line);
    for (const line of group.split('\n')) this.#skip(Number(line.split(':')[2]));
  }

  /** The account of a rig (`<rig>`) or an agent (`<rig>/<agent>`), allotted when it is asked for first. */
  of(owner: string, { home, gid }: { home: string; gid?: number }): Account {
    const known = this.#byOwner.get(owner);
    if (known !== undefined) return known;
    const uid = this.#nextId;
    if (uid > LAST_ID) throw new Error(`all user ids from ${FIRST_ID} to ${LAST_ID} are taken`);
    const name = `gt-${createHash('sha256').update(owner).digest('hex').slice(0, 12)}`;
    if (gid === undefined) this.#append('group', `${name}:x:${uid}:\n`);
    // No password fits `*`: nobody logs in.
    this.#append('passwd', `${name}:*:${uid}:${gid ?? uid}:${COMMENT}${owner}:${home}:/bin/sh\n`);
    this.#nextId = uid + 1;
    const account = { uid, gid: gid ?? uid, home };
    this.#byOwner.set(owner, account);
    return account;
  }

  /** The home of a user. Throws for one that is not Relight's. */
  homeOf(uid: number): string {
    for (const account of this.#byOwner.values()) if (account.uid === uid) return account.home;
    throw new Error(`no rig and no agent has the user id ${uid}`);
  }

  #learn(line: string): void {
    const [, , uid, gid, comment = '', home, shell] = line.split(':');
    this.#skip(Number(uid));
    if (!comment.startsWith(COMMENT) || home === undefined || shell === undefined) return;
    this.#byOwner.set(comment.slice(COMMENT.length), { uid: Number(uid), gid: Number(gid), home });
  }

  #skip(id: number): void {
    if (id >= this.#nextId && id <= LAST_ID) this.#nextId = id + 1;
  }

  /** One write at the end: the files may be mounted one by one, so that nothing can be renamed over them. */
  #append(file: keyof AccountFiles, line: string): void {
    appendFileSync(this.#files[file], this.#glue[file] + line);
    this.#glue[file] = '';
  }
}

function glueAfter(text: string): string {
  return text === '' || text.endsWith('\n') ? '' : '\n';
}
