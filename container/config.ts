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
  AGENT_USERS: z.enum(['own', 'shared']).default('shared'),
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
  /** Whether each agent runs as a system user of its own; else all run as the control server's. */
  readonly separateUsers: boolean;
  /** Whether repositories may be at addresses that are not public. */
  readonly allowPrivateGit: boolean;
}

/** The environment cannot be used; the message is one sentence that names every bad variable, and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the configuration. Throws a {@link ConfigError}, also where users are wanted that only root on Linux can give. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const parsed = Env.safeParse(env);
  if (!parsed.success) throw new ConfigError(sentenceOf(parsed.error));
  const { data } = parsed;
  const separateUsers = data.AGENT_USERS === 'own';
  if (separateUsers && (process.platform !== 'linux' || process.geteuid?.() !== 0)) {
    const reason = 'AGENT_USERS=own gives each agent a user of its own, which only root on Linux can do';
    throw new ConfigError(`The control server cannot start: ${reason}.`);
  }
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
    separateUsers,
    allowPrivateGit: data.ALLOW_PRIVATE_GIT === 'true',
    mark: data.RELIGHT_CONTAINER ?? null,
  };
}

function sentenceOf(error: z.ZodError): string {
  const faults = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  return `The control server cannot start, its environment is not valid (${faults.join('; ')}).`;
}
