import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PackedLooks } from '../../../container/snapshots/packed-looks.ts';
import type { Look } from '../../../container/snapshots/sweep.ts';

const path = fc
  .array(fc.integer({ min: 1, max: 255 }), { minLength: 0, maxLength: 8 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const number = fc.double({ min: 0, max: 2 ** 52, noNaN: true, noDefaultInfinity: true });
const look: fc.Arbitrary<Look> = fc.oneof(
  fc.constantFrom('gone' as const, 'barred' as const),
  fc.record({ mode: fc.nat(), size: number, ino: number, mtimeMs: number, ctimeMs: number }),
);

test('packed looks are those that were packed, also those at paths that are not text', () => {
  fc.assert(
    fc.property(fc.dictionary(path, look), path, (looks, other) => {
      const given = new Map(Object.entries(looks));
      const packed = new PackedLooks(given);
      expect(new Map(packed)).toEqual(given);
      expect(new Set(packed.keys())).toEqual(new Set(given.keys()));
      expect(packed.size).toBe(given.size);
      for (const place of [...given.keys(), other]) {
        expect(packed.has(place)).toBe(given.has(place));
        expect(packed.get(place)).toEqual(given.get(place));
      }
    }),
  );
});
