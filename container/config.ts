import { tmpdir } from 'node:os';
import { z } from 'zod';
import { ContainerEnv } from '../src/contract/callbacks.ts';
import { CONTROL_PORT } from '../src/contract/control.ts';

const Env = ContainerEnv.extend({
  PORT: z.coerce.number().int().min(0).max(65_535).default(CONTROL_PORT),
  HOST: z.string().min(1).default('0.0.0.0'),
  WORKSPACE: z.string().startsWith('/', 'must be an absolute path').default('/workspace'),
  PATH: z.string().min(1).default('/usr/local/bin:/usr/bin:/bin'),
  LANG: z.string().min(1).default('C.UTF-8'),
  TMPDIR: z.string().min(1).default(tmpdir()),
  RELIGHT_CONTAINER: z.string().min(1).optional(),
});

/** What the control server knows from its environment. `mark` is how the process engine finds its processes. */
export interface Config {
  readonly town: string;
  readonly workerUrl: string;
  readonly token: string;
  readonly drainMs: number;
  readonly port: number;
  readonly host: string;
  readonly workspace: string;
  readonly path: string;
  readonly lang: string;
  readonly tmpDir: string;
  readonly mark: string | null;
}

/** The environment cannot be used; the message is one sentence that names every bad variable, and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the configuration. Throws a {@link ConfigError}. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const parsed = Env.safeParse(env);
  if (!parsed.success) throw new ConfigError(sentenceOf(parsed.error));
  const { data } = parsed;
  return {
    town: data.GT_TOWN,
    workerUrl: data.RELIGHT_URL.replace(/\/+$/, ''),
    token: data.RELIGHT_TOKEN,
    drainMs: data.DRAIN_SECONDS * 1000,
    port: data.PORT,
    host: data.HOST,
    workspace: data.WORKSPACE.replace(/(?<=.)\/+$/, ''),
    path: data.PATH,
    lang: data.LANG,
    tmpDir: data.TMPDIR,
    mark: data.RELIGHT_CONTAINER ?? null,
  };
}

function sentenceOf(error: z.ZodError): string {
  const faults = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  return `The control server cannot start, its environment is not valid (${faults.join('; ')}).`;
}
