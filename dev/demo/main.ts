import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SetupError } from '../relight.ts';
import { runDemo } from './run.ts';
import { summarise } from './summary.ts';

const HELP = `npm run demo -- [options]

  --watch         waits until you see it in a browser, goes slower, and stays until you have seen enough
  --json FILE     write the result as JSON
  --git-url URL   use this repository instead of three made ones; it gets branches gt/<agent>/<bead>
                  (a token in GIT_CREDENTIAL_DEMO is used for it)
  --kills N       how often the container is killed (1)
  --steps N       how many commits each agent makes (6; 20 with --watch)`;

const Count = z.coerce.number().int().min(1).max(100);

function readOptions() {
  const { values } = parseArgs({
    options: {
      watch: { type: 'boolean', default: false },
      json: { type: 'string' },
      'git-url': { type: 'string' },
      kills: { type: 'string', default: '1' },
      steps: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { kills, steps = values.watch ? 20 : 6 } = values;
  return { ...values, kills: Count.parse(kills), steps: Count.parse(steps) };
}

/** Waits for a line on standard input, or its end. */
async function untilEnter(words: string): Promise<void> {
  console.log(`\n${words}\nGo on with Enter.`);
  const lines = createInterface({ input: process.stdin });
  await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  lines.close();
}

async function main(): Promise<void> {
  const { json, kills, steps, help, watch, 'git-url': gitUrl = null } = readOptions();
  if (help) {
    console.log(HELP);
    return;
  }
  const print = (line: string): void => console.log(line);
  const result = await runDemo({ gitUrl, kills, steps, print, ...(watch ? { pause: untilEnter } : {}) });
  console.log(summarise(result));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
  process.exitCode = result.ok ? 0 : 1;
}

try {
  await main();
} catch (error) {
  const isPlain = error instanceof SetupError || error instanceof z.ZodError || error instanceof TypeError;
  console.error(isPlain ? `${error.message}\n\n${HELP}` : error);
  process.exitCode = 1;
}
