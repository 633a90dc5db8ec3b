import { z } from 'zod';
import type { ErrorCode } from '../../src/contract/errors.ts';
import type { Api } from '../api.ts';
import { RefusedError } from '../failure.ts';

/**
 * What to put so that the given settings change and the others stay: the API replaces all of them. `before` is what is there,
 * null where there is nothing yet, which `unknown` is the code of.
 */
export async function changed(
  api: Api,
  path: string,
  unknown: ErrorCode,
  settings: z.ZodObject,
  changes: Readonly<Record<string, unknown>>,
): Promise<{ before: Record<string, unknown> | null; body: Record<string, unknown> }> {
  const before = await find(api, path, unknown);
  const names = Object.keys(settings.shape).filter((name) => before !== null && name in before);
  const kept = Object.fromEntries(names.map((name) => [name, before?.[name]]));
  return { before, body: { ...kept, ...changes } };
}

async function find(api: Api, path: string, unknown: ErrorCode): Promise<Record<string, unknown> | null> {
  try {
    const Settings = z.record(z.string(), z.unknown());
    // From the text: what is shown leaves out control characters, and what is put back must not.
    return Settings.parse(JSON.parse((await api.get(Settings, path)).text));
  } catch (error) {
    if (error instanceof RefusedError && error.problem.code === unknown) return null;
    throw error;
  }
}
