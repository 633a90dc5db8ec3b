import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { SetupError } from '../relight.ts';
import { runDemo } from './run.ts';
import { summarise } from './summary.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    'git-url': { type: 'string' },
    kills: { type: 'string', default: '1' },
    steps: { type: 'string', default: '6' },
  },
});

try {
  const result = await runDemo({
    gitUrl: values['git-url'] ?? null,
    kills: Number.parseInt(values.kills, 10),
    steps: Number.parseInt(values.steps, 10),
    print: (line) => console.log(line),
  });
  console.log(summarise(result));
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  process.exitCode = result.ok ? 0 : 1;
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
}
