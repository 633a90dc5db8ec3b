import { z } from 'zod';
import { showLine } from './log-line.ts';
import { passedSecrets, SetupError, startRelight } from './relight.ts';
import type { Relight } from './relight.ts';

const Environment = z.object({
  PORT: z.coerce.number().int().min(1).max(65_535).default(8787),
  RELIGHT_STATE_DIR: z.string().min(1).default('.relight'),
  RELIGHT_ADMIN_TOKEN: z.string().min(1).optional(),
});

/** `npm start`: runs Relight until Ctrl-C. */
async function main(): Promise<void> {
  const { PORT, RELIGHT_STATE_DIR, RELIGHT_ADMIN_TOKEN } = Environment.parse(process.env);
  const relight = await startRelight({
    port: PORT,
    stateDir: RELIGHT_STATE_DIR,
    adminToken: RELIGHT_ADMIN_TOKEN,
    secrets: passedSecrets(process.env),
    onWorkerLine: (line) => showLine('worker', line),
    onContainerLine: ({ line }) => showLine('container', line),
  });
  if (RELIGHT_ADMIN_TOKEN === undefined) console.log(`operator token: ${relight.token}`);
  if (relight.resumed.length > 0)
    console.log(`going on with ${relight.resumed.length} unfinished recoveries`);
  console.log(`relight ready at ${relight.url}`);
  await untilStopped(relight);
}

async function untilStopped(relight: Relight): Promise<void> {
  const stopped = new Promise<'signal'>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done('signal'));
  });
  const why = await Promise.race([stopped, relight.ended.then(() => 'ended' as const)]);
  await relight.close();
  if (why === 'ended') throw new SetupError('The Worker ended by itself; its last lines are above.');
}

try {
  await main();
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
}
