// The control server's entry point. Only built-in modules are loaded before it listens: the platform counts the time.
import { randomBytes } from 'node:crypto';
import { openDoor, type Door } from './door.ts';

const boot = { bootId: randomBytes(16).toString('hex'), bootedAt: Date.now() };
const env = takeEnvironment();
let onSignal = (_signal: NodeJS.Signals): void => process.exit(0);
process.on('SIGTERM', (signal) => onSignal(signal));
process.on('SIGINT', (signal) => onSignal(signal));

try {
  const door = await openEarly();
  const { parseConfig } = await import('./config.ts');
  const config = parseConfig(env);
  const { openControlServer } = await import('./control-server.ts');
  const control = openControlServer(config, boot, door ?? (await openDoor(config.host, config.port)));
  onSignal = (signal) => {
    onSignal = () => process.exit(1);
    void control.shutDown(signal).finally(() => process.exit(0));
  };
} catch (error) {
  process.stderr.write(`${sentenceOf(error)}\n`);
  process.exit(1);
}

/** The environment, with the token taken out of it, so that no child process can inherit that. */
function takeEnvironment(): Record<string, string | undefined> {
  const taken = { ...process.env };
  delete process.env['RELIGHT_TOKEN'];
  return taken;
}

/** Listens before the environment is checked; null where only the check can name the port. */
async function openEarly(): Promise<Door | null> {
  const port = Number(env['PORT'] || Number.NaN);
  const usable = Number.isInteger(port) && port >= 0 && port <= 65_535;
  return usable ? await openDoor(env['HOST'] || '0.0.0.0', port) : null;
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'ConfigError') return error.message;
  if ('code' in error && error.code === 'EADDRINUSE') {
    return `The control server cannot start, its port is taken (${error.message}).`;
  }
  return `The control server cannot start: ${error.stack ?? error.message}`;
}
