import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { RelightError } from '../../src/contract/errors.ts';
import { gitHostOf, isPrivateName, isPublicAddress } from '../../src/contract/git-hosts.ts';
import { isGitUrl } from '../../src/contract/git-names.ts';
import { GitFailure, Redirected } from './errors.ts';

/** What a redirect of git's first request must end with (https://git-scm.com/docs/http-protocol#_discovering_references). */
const DISCOVERY = /\/info\/refs\?service=git-(?:upload|receive)-pack$/;

/** All addresses of a name, as the system's resolver has them. Throws its error. */
type Lookup = (name: string) => Promise<readonly string[]>;

/** Keeps git to hosts of the public internet: whoever names a repository must not reach the container's neighbours with it. */
export class RemoteGuard {
  readonly #lookup: Lookup;
  readonly #isPublic: (address: string) => boolean;

  constructor(world: { lookup?: Lookup; isPublic?: (address: string) => boolean } = {}) {
    this.#lookup = world.lookup ?? lookUpAll;
    this.#isPublic = world.isPublic ?? isPublicAddress;
  }

  /**
   * The settings of git with which it may talk to the host of `url`: it connects to an address that was looked at, though
   * the name may resolve to another one by then. Throws RelightError `git_address`, and `git_dns` where the name cannot
   * be resolved.
   */
  async admit(url: string): Promise<string[]> {
    const host = gitHostOf(url);
    if (host === null || isPrivateName(host)) throw refusal(host ?? url);
    const isName = isIP(host) === 0;
    const addresses = isName ? await this.#resolve(host) : [host];
    if (addresses.length === 0 || !addresses.every(this.#isPublic)) throw refusal(host);
    // Ssh takes no such setting: between this look and its own the name may change.
    return isName && /^https?:/.test(url) ? [pinned(url, addresses)] : [];
  }

  async #resolve(host: string): Promise<readonly string[]> {
    try {
      return await this.#lookup(host);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new GitFailure('git_dns', `${host} cannot be resolved: ${why}`, { exitCode: null, output: '' });
    }
  }
}

/** So often a repository may have moved on; git itself goes along 20 times. */
const MAX_REDIRECTS = 5;

/** Git follows no redirect by itself where a guard is: see {@link throughGuard}. */
export const FOLLOW_NOTHING = 'http.followRedirects=false';

/**
 * Makes an attempt with the settings that the guard gives for `url`, and once more with each repository that it is said
 * to have moved to, as long as the guard admits that. Throws what the attempt or the guard throws.
 */
export async function throughGuard<Result>(
  guard: RemoteGuard,
  url: string,
  attempt: (settings: readonly string[]) => Promise<Result>,
): Promise<Result> {
  let at = url;
  for (let redirects = 0; ; redirects += 1) {
    const settings = await guard.admit(at);
    try {
      // git-config(1), url.<base>.insteadOf.
      return await attempt(at === url ? settings : [...settings, `url.${at}.insteadOf=${url}`]);
    } catch (error) {
      if (!(error instanceof Redirected)) throw error;
      const next = redirects < MAX_REDIRECTS ? movedTo(at, error.location) : null;
      if (next === null) {
        const reason = `${gitHostOf(at) ?? 'the host'} redirects to something that is no git repository`;
        throw new GitFailure('git_not_a_repository', reason, error);
      }
      at = next;
    }
  }
}

/** The repository that an answer to git's first request says it has moved to; null where it says something else. */
function movedTo(url: string, location: string): string | null {
  const asked = `${url.replace(/\/+$/, '')}/info/refs`;
  if (!URL.canParse(location, asked)) return null;
  const target = new URL(location, asked).href;
  const moved = target.replace(DISCOVERY, '');
  const isDowngrade = url.startsWith('https:') && !moved.startsWith('https:');
  // An equals sign would end the name of the setting that it is put into.
  const isUsable = moved !== target && isGitUrl(moved) && !moved.includes('=');
  return isUsable && !isDowngrade ? moved : null;
}

/** https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpcurloptResolve; without any effect before git 2.37. */
function pinned(url: string, addresses: readonly string[]): string {
  const { hostname, port, protocol } = new URL(url);
  const asked = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  const listed = addresses.map((address) => (address.includes(':') ? `[${address}]` : address));
  return `http.curloptResolve=${hostname}:${asked}:${listed.join(',')}`;
}

function refusal(host: string): RelightError {
  return new RelightError('git_address', `${host} is not on the public internet`);
}

async function lookUpAll(name: string): Promise<readonly string[]> {
  return (await systemLookup(name, { all: true })).map(({ address }) => address);
}
