import { isDeepStrictEqual } from 'node:util';

/** As much of JSON Schema as the contract needs. */
export interface Schema {
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly default?: unknown;
}

const KNOWN = new Set(
  (
    '$defs $ref anyOf oneOf type enum const pattern format minLength maxLength minimum exclusiveMinimum maximum ' +
    'items minItems maxItems properties required propertyNames additionalProperties default'
  ).split(' '),
);

/**
 * Why some message that is sent as `sent` says would not be taken as `taken` says; nothing where all are. Throws an Error for
 * schemas that it cannot judge.
 */
export function refusals(taken: Schema, sent: Schema, at = ''): string[] {
  for (const key of [...Object.keys(taken), ...Object.keys(sent)])
    if (!KNOWN.has(key)) throw new Error(`${at}: ${key} cannot be judged`);
  if (isDeepStrictEqual(taken, sent) || takesAll(taken)) return [];
  const forms = formsOf(sent);
  if (forms !== null) return forms.flatMap((form) => refusals(taken, form, at));
  const choices = formsOf(taken);
  if (choices !== null) {
    const each = choices.map((choice) => refusals(choice, sent, at));
    return each.some((reasons) => reasons.length === 0) ? [] : [`${at}: no form takes ${String(sent.type)}`];
  }
  if (taken.$ref !== undefined || sent.$ref !== undefined) return [`${at}: other references`];
  const values = valuesOf(sent);
  if (values !== null) return ofValues(taken, values, at);
  if (valuesOf(taken) !== null) return [`${at}: takes some values only`];
  const fits = taken.type === sent.type || (taken.type === 'number' && sent.type === 'integer');
  if (!fits) return [`${at}: takes ${String(taken.type)}, not ${String(sent.type)}`];
  return [...ofLimits(taken, sent, at), ...ofItems(taken, sent, at), ...ofProperties(taken, sent, at)];
}

function takesAll(schema: Schema): boolean {
  return Object.keys(schema).every((key) => key === '$defs' || key === 'default');
}

/** The forms of which a value has one; null where there is only one. */
function formsOf(schema: Schema): readonly Schema[] | null {
  const { type } = schema;
  if (typeof type === 'object') return type.map((each) => ({ ...schema, type: each }));
  return schema.anyOf ?? schema.oneOf ?? null;
}

function valuesOf(schema: Schema): readonly unknown[] | null {
  return 'const' in schema ? [schema.const] : (schema.enum ?? null);
}

function ofValues(taken: Schema, values: readonly unknown[], at: string): string[] {
  const known = valuesOf(taken);
  const pattern = new RegExp(taken.pattern ?? '', 'u');
  return values
    .filter((value) =>
      known === null
        ? typeof value !== taken.type || (typeof value === 'string' && !pattern.test(value))
        : !known.includes(value),
    )
    .map((value) => `${at}: does not take ${JSON.stringify(value)}`);
}

function ofLimits(taken: Schema, sent: Schema, at: string): string[] {
  const beyond = (['maxLength', 'maximum', 'maxItems'] as const).filter(
    (key) => (sent[key] ?? Infinity) > (taken[key] ?? Infinity),
  );
  const below = (['minLength', 'minimum', 'exclusiveMinimum', 'minItems'] as const).filter(
    (key) => (sent[key] ?? -Infinity) < (taken[key] ?? -Infinity),
  );
  const other = (['pattern', 'format'] as const).filter(
    (key) => taken[key] !== undefined && taken[key] !== sent[key],
  );
  return [...beyond, ...below, ...other].map((key) => `${at}: takes a narrower ${key}`);
}

function ofItems(taken: Schema, sent: Schema, at: string): string[] {
  return taken.items === undefined ? [] : refusals(taken.items, sent.items ?? {}, `${at}[]`);
}

function ofProperties(taken: Schema, sent: Schema, at: string): string[] {
  const missing = (taken.required ?? []).filter((name) => sent.required?.includes(name) !== true);
  const inside = Object.entries(taken.properties ?? {}).flatMap(([name, property]) => {
    const other = sent.properties?.[name];
    return other === undefined ? [] : refusals(property, other, `${at}.${name}`);
  });
  const rest = taken.additionalProperties ?? true;
  const unknown = Object.entries(sent.properties ?? {}).filter(
    ([name]) => !(name in (taken.properties ?? {})),
  );
  const more =
    typeof sent.additionalProperties === 'object' ? [['*', sent.additionalProperties] as const] : [];
  const outside = [...unknown, ...more].flatMap(([name, property]) => {
    if (rest === true) return [];
    return rest === false ? [`${at}: does not take ${name}`] : refusals(rest, property, `${at}.${name}`);
  });
  const names = refusals(taken.propertyNames ?? {}, sent.propertyNames ?? {}, `${at} names`);
  return [...missing.map((name) => `${at}: needs ${name}`), ...inside, ...outside, ...names];
}
