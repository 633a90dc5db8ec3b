import { execa } from 'execa';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { experimental_readRawConfig } from 'wrangler';
import { z } from 'zod';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** What a deployment is bound to: each section is a table, an array of tables, or an object of arrays. */
const Environment = z.looseObject({ name: z.string() });
const Config = Environment.extend({ env: z.record(z.string(), Environment) });

function config(): z.infer<typeof Config> {
  return Config.parse(experimental_readRawConfig({ config: join(PROJECT, 'wrangler.toml') }).rawConfig);
}

/** Sections that hold for all environments, or are worked out for each. */
const SHARED = new Set([
  'main',
  'compatibility_date',
  'compatibility_flags',
  'rules',
  'migrations',
  'observability',
  'env',
]);

describe('a deployment', () => {
  it.each(['', 'staging'])('of the environment "%s" passes the checks of wrangler', async (env) => {
    const outdir = await mkdtemp(join(tmpdir(), 'relight-deploy-'));
    try {
      // Without Docker nothing can be built; everything else is as in a real one.
      const flags = ['--dry-run', '--containers-rollout=none', `--env=${env}`, '--outdir', outdir];
      const { stdout } = await execa('wrangler', ['deploy', ...flags], {
        cwd: PROJECT,
        preferLocal: true,
        env: { WRANGLER_SEND_METRICS: 'false' },
      });
      expect(stdout).toMatch(/env\.RECOVERY \(RecoveryWorkflow\)/);
      expect(await readdir(outdir)).toContain('worker.js');
    } finally {
      await rm(outdir, { recursive: true });
    }
  });

  it('has in every environment what production has, under names of its own', () => {
    const { env, ...production } = config();
    expect(Object.keys(env)).toEqual(['staging']);
    for (const other of Object.values(env)) {
      const sections = Object.keys(production).filter((section) => !SHARED.has(section));
      expect(Object.keys(other).toSorted()).toEqual(sections.toSorted());
      for (const section of sections) {
        expect(bindingsOf(other[section]), section).toEqual(bindingsOf(production[section]));
      }
      for (const name of ['bucket_name', 'namespace_id']) {
        const [ours, theirs] = [production, other].map((each) => valuesOf(each, name));
        expect(
          theirs?.filter((value) => ours?.includes(value)),
          name,
        ).toEqual([]);
      }
      expect(other.name).not.toBe(production.name);
    }
  });
});

/** Binding by binding, what a section makes known to the Worker. */
function bindingsOf(section: unknown): unknown {
  if (Array.isArray(section)) return section.map(bindingsOf);
  if (typeof section !== 'object' || section === null) return null;
  const { binding, name, class_name: className, ...rest } = z.looseObject({}).parse(section);
  if (className !== undefined || binding !== undefined) return { binding: binding ?? name, className };
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, bindingsOf(value)]));
}

/** All values of a key, wherever it is. */
function valuesOf(config: unknown, key: string): unknown[] {
  if (typeof config !== 'object' || config === null) return [];
  return Object.entries(config).flatMap(([name, value]) => (name === key ? [value] : valuesOf(value, key)));
}
