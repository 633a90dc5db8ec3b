import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SetupError } from '../relight.ts';
import { runDemo } from './run.ts';
import { summarise } from './summary.ts';

const HELP = `npm run demo -- [options]

  --json FILE     write the result as JSON
  --git-url URL   use this repository instead of three made ones; it gets branches gt/<agent>/<bead>
                  (a token in GIT_CREDENTIAL_DEMO is used for it)
  --kills N       how often the container is killed (1)
  --steps N       how many commits each agent makes (6)`;

const Count = z.coerce.number().int().min(1).max(100);

function readOptions() {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      'git-url': { type: 'string' },
      kills: { type: 'string', default: '1' },
      steps: { type: 'string', default: '6' },
      help: { type: 'boolean', default: false },
    },
  });
  return { ...values, kills: Count.parse(values.kills), steps: Count.parse(values.steps) };
}

async function main(): Promise<void> {
  const { json, kills, steps, help, 'git-url': gitUrl = null } = readOptions();
  if (help) {
    console.log(HELP);
    return;
  }
  const result = await runDemo({ gitUrl, kills, steps, print: (line) => console.log(line) });
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
