import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CALLBACKS, ContainerEnv } from '../../../src/contract/callbacks.ts';
import { CONTROL } from '../../../src/contract/control.ts';
import type { Exchange } from '../../../src/contract/exchange.ts';
import { CACHE_HEADER, CacheOffer } from '../../../src/contract/repo-cache.ts';
import { OFFER_HEADER, SnapshotOffer } from '../../../src/contract/snapshot.ts';
import type { Schema } from './refusals.ts';

/** What one message may look like: to whoever takes it, and from whoever sends it. */
export interface Message {
  readonly taken: Schema;
  readonly sent: Schema;
}

/** All that crosses between Worker and container, by what it is. */
export type ContractRecord = Readonly<Record<string, Message>>;

/** The messages of the contract as it is now, as JSON Schema (draft 2020-12). */
export function presentContract(): ContractRecord {
  const calls: Exchange[] = [...Object.values(CONTROL), ...Object.values(CALLBACKS)];
  return Object.fromEntries([
    ...calls.flatMap(({ method, path, body, answer }) => [
      [`${method} ${path}`, messageOf(body)],
      [`${method} ${path} answer`, messageOf(answer)],
    ]),
    [`header ${OFFER_HEADER}`, messageOf(SnapshotOffer)],
    [`header ${CACHE_HEADER}`, messageOf(CacheOffer)],
    ['environment', messageOf(ContainerEnv)],
  ]);
}

/** The contract of a version as it was recorded; null where it was not. */
export function recordedContract(version: number): ContractRecord | null {
  const file = fileOf(version);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ContractRecord) : null;
}

/** Records the contract as it is now, one message a line. */
export function recordContract(version: number): void {
  const lines = Object.entries(presentContract()).map((entry) =>
    entry.map((x) => JSON.stringify(x)).join(': '),
  );
  writeFileSync(fileOf(version), `{\n${lines.join(',\n')}\n}\n`);
}

function fileOf(version: number): string {
  return join(import.meta.dirname, 'recorded', `${version}.json`);
}

function messageOf(schema: z.ZodType): Message {
  return { taken: schemaOf(schema, 'input'), sent: schemaOf(schema, 'output') };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
  });
  return JSON.parse(JSON.stringify(rest)) as Schema;
}
