import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { experimental_readRawConfig } from 'wrangler';
import { z } from 'zod';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** What of the configuration is put in other words here. */
const RawConfig = z.looseObject({
  main: z.string(),
  vars: z.record(z.string(), z.unknown()).default({}),
  containers: z.array(z.looseObject({ image: z.string() })),
});

/** What is special about this machine: the Worker's name, where it has another, and what `vars` and secrets are set. */
export interface LocalSettings {
  readonly name?: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly secretNames: readonly string[];
}

/**
 * Writes the configuration for a local run: that of `wrangler.toml`, with what `vars` say here and with the names of the
 * secrets that are set, because wrangler takes from the environment only what is declared. Gives its path.
 */
export async function writeWorkerConfig(
  dir: string,
  { name, vars: own, secretNames }: LocalSettings,
): Promise<string> {
  const { rawConfig } = experimental_readRawConfig({ config: join(PROJECT, 'wrangler.toml') });
  // Deployment's environments are none of a local run's, and their paths are not turned.
  const { main, vars, containers, env: _, ...rest } = RawConfig.parse(rawConfig);
  const path = join(dir, 'wrangler.json');
  const config = {
    ...rest,
    ...(name === undefined ? {} : { name }),
    main: join(PROJECT, main),
    vars: { ...vars, ...own },
    secrets: { required: secretNames },
    containers: containers.map((container) => ({
      ...container,
      image: join(PROJECT, container.image),
      image_build_context: PROJECT,
    })),
  };
  await writeFile(path, JSON.stringify(config, null, 2));
  return path;
}
