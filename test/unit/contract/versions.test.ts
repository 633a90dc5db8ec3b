import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import { CONTRACT_VERSION } from '../../../src/contract/version.ts';
import { presentContract, recordedContract } from './contract-record.ts';
import type { ContractRecord } from './contract-record.ts';
import { refusals } from './refusals.ts';
import type { Schema } from './refusals.ts';

const present = presentContract();
const before = recordedContract(CONTRACT_VERSION - 1) ?? {};

/** What of one side's messages the other would refuse; a call that one of them does not know is none of the other's. */
function refused(sender: ContractRecord, taker: ContractRecord): string[] {
  return Object.entries(sender).flatMap(([name, { sent }]) => {
    const message = taker[name];
    return message === undefined ? [] : refusals(message.taken, sent, name);
  });
}

describe('the contract of “Worker and image of different releases”', () => {
  it('is as recorded: after a change of a message, count CONTRACT_VERSION up unless it is unreleased, and `npm run contract`', () => {
    expect(present).toEqual(recordedContract(CONTRACT_VERSION));
  });

  it('takes all that the release before sends', () => {
    expect(Object.keys(before)).not.toEqual([]);
    expect(refused(before, present)).toEqual([]);
  });

  it('sends nothing that the release before does not take', () => {
    expect(refused(present, before)).toEqual([]);
  });
});

describe('two releases do not understand each other', () => {
  const json = (schema: z.ZodType, io: 'input' | 'output'): Schema => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
    return JSON.parse(JSON.stringify(rest)) as Schema;
  };
  const why = (taken: z.ZodType, sent: z.ZodType): string[] =>
    refusals(json(taken, 'input'), json(sent, 'output'), 'it');
  const A = z.object({ a: z.string() });

  it.each([
    ['a field is missing', A.extend({ b: z.int() }), A, ['it: needs b']],
    ['a field has another type', A, z.object({ a: z.int() }), ['it.a: takes string, not integer']],
    ['a field may be null', A, z.object({ a: z.string().nullable() }), ['it.a: takes string, not null']],
    ['a value is new', z.enum(['x']), z.enum(['x', 'y']), ['it: does not take "y"']],
    ['anything goes where some values are known', z.enum(['x']), z.string(), ['it: takes some values only']],
    ['a text is longer', z.string().max(2), z.string().max(3), ['it: takes a narrower maxLength']],
    ['a number is smaller', z.int().min(1), z.int().min(0), ['it: takes a narrower minimum']],
    ['a list has other things', z.array(z.string()), z.array(z.int()), ['it[]: takes string, not integer']],
    [
      'a text is formed otherwise',
      z.string().regex(/a/),
      z.string().regex(/b/),
      ['it: takes a narrower pattern'],
    ],
    ['a field is unknown to who is strict', z.strictObject({}), A, ['it: does not take a']],
    [
      'a map has other values',
      z.record(z.string(), z.int()),
      z.record(z.string(), z.string()),
      ['it.*: takes integer, not string'],
    ],
    ['no form fits', z.union([z.int(), A]), z.string(), ['it: no form takes string']],
  ])('where %s', (_, taken, sent, reasons) => {
    expect(why(taken, sent)).toEqual(reasons);
  });

  it.each([
    ['a field is new', A, A.extend({ b: z.int() })],
    ['a missing field has a default', A.extend({ b: z.int().default(0) }), A],
    ['a field is optional', A.extend({ b: z.int().optional() }), A],
    ['a value is gone', z.enum(['x', 'y']), z.enum(['x'])],
    ['a form is new', z.union([z.string(), z.int()]), z.string()],
    ['a limit is wider', z.string().max(3), z.string().max(2)],
  ])('but they do where %s', (_, taken, sent) => {
    expect(why(taken, sent)).toEqual([]);
  });

  it('cannot be told of schemas that are not known here', () => {
    expect(() => refusals({}, { not: {} } as Schema)).toThrow('not cannot be judged');
  });
});
