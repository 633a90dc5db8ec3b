import { execa } from 'execa';
import { join } from 'node:path';
import { whyNoDocker } from '../../dev/engine/docker.ts';
import { chosenEngine } from '../../dev/relight.ts';

/**
 * `npm run test:docker`: the end-to-end tests on the real image. Without a Docker engine it says so, which is no failure
 * unless RELIGHT_ENGINE=docker asks for one.
 */
const reason = await whyNoDocker();
if (reason !== null) {
  console.log(`The real image was not tested, because no Docker engine can be used here: ${reason}`);
  process.exit(chosenEngine() === 'docker' ? 1 : 0);
}
const config = join(import.meta.dirname, 'vitest.config.ts');
const { exitCode } = await execa({
  stdio: 'inherit',
  reject: false,
  env: { RELIGHT_ENGINE: 'docker' },
})`vitest run --config ${config} ${process.argv.slice(2)}`;
process.exitCode = exitCode ?? 1;
