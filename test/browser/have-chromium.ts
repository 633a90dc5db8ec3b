import { execa } from 'execa';
import { existsSync } from 'node:fs';

/** Where Debian's chromium is. */
export const CHROMIUM = '/usr/bin/chromium';

/** Before the tests: installs chromium where it is missing. Throws an Error that says what to do where that cannot be. */
export async function setup(): Promise<void> {
  if (existsSync(CHROMIUM)) return;
  const canInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (!canInstall)
    throw new Error(`The browser tests need ${CHROMIUM}: run "apt-get install chromium" as root.`);
  const run = execa({ env: { DEBIAN_FRONTEND: 'noninteractive' } });
  await run`apt-get update`;
  await run`apt-get install --yes --no-install-recommends chromium`;
}
