import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { HELP, readOptions, runSuite } from './suite.ts';
import { resultTable } from './towns/ledger.ts';

/** `npm run chaos`: random faults against towns; with `snapshots` in front, kills against writing agents. */
async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(`${HELP}\n\nnpm run chaos -- snapshots --help is about kills of writing agents.`);
    return;
  }
  const options = readOptions(args);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(`ended by ${name}`));
  }
  const result = await runSuite(options, { print: (line) => console.log(line), signal: stop.signal });
  console.log(resultTable(result));
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
  // What was under way when a run was given up has nothing to wait for any more.
  process.exit(result.ok && !stop.signal.aborted ? 0 : 1);
}

try {
  if (process.argv[2] === 'snapshots') await import('./snapshots-main.ts');
  else await main(process.argv.slice(2));
} catch (error) {
  const isPlain = error instanceof z.ZodError || error instanceof TypeError;
  console.error(isPlain ? `${error.message}\n\n${HELP}` : error);
  process.exit(1);
}
