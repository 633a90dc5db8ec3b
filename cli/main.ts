import { Terminal } from './terminal.ts';
import { relight } from './relight.ts';

// Whoever reads the output may have enough of it: `relight log … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const { stdin, stdout, stderr, env } = process;
process.exitCode = await relight(process.argv.slice(2), new Terminal({ stdin, stdout, stderr, env }));
