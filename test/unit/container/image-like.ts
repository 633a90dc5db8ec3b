import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Puts what follows where everybody can get at it, as the image does, and the lists of users and groups aside. The place
 * bears one name for all, by which Node finds again what it compiled.
 */
const ENTER = `
  set -e
  mount --bind "$1/passwd" /etc/passwd
  mount --bind "$1/group" /etc/group
  mount --bind "$2" "$1/node"
  mount --bind "$3/container" "$1/app/container"
  mount --bind "$3/src" "$1/app/src"
  mount --bind "$4" "$1/app/node_modules"
  mount --rbind "$1" "$5"
  shift 5
  exec "$@"
`;

/** Where that is, in a mount namespace of its own. */
const PLACE = '/mnt';

/** Why this machine cannot run the control server as the image does; null where it can. */
export function whyNotAsInImage(): string | null {
  if (process.getuid?.() !== 0) return 'the tests do not run as root';
  const tried = spawnSync('unshare', ['--mount', 'mount', '--bind', '/etc/passwd', '/etc/passwd']);
  return tried.status === 0 ? null : 'no mount namespace of its own can be had (unshare --mount)';
}

/**
 * The words that run a control server as the image does: below a folder that every user can read, with users of its own
 * that this machine's lists never hear of. The words `as` come before the program.
 */
export function imageLike({ as = [] }: { as?: readonly string[] } = {}): string[] {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'relight-image-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  for (const name of ['', 'app', 'app/container', 'app/src', 'app/node_modules'])
    mkdirSync(join(dir, name), { recursive: true, mode: 0o755 });
  spawnSync('chmod', ['755', dir]);
  writeFileSync(join(dir, 'node'), '');
  for (const name of ['passwd', 'group']) copyFileSync(`/etc/${name}`, join(dir, name));
  copyFileSync(join(ROOT, 'package.json'), join(dir, 'app/package.json'));
  const places = [dir, process.execPath, ROOT, realpathSync(join(ROOT, 'node_modules')), PLACE];
  const program = [join(PLACE, 'node'), join(PLACE, 'app/container/main.ts')];
  return ['unshare', '--mount', 'sh', '-c', ENTER, 'sh', ...places, ...as, ...program];
}
