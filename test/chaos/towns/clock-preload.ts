// Loaded before the control server (`node --import`): its clock is ahead by the milliseconds that stand in the file named
// by the query `file` of this module's own address. Timers are not touched, as the kernel's do not follow the clock either.
import { readFileSync } from 'node:fs';

const LOOK_MS = 50;

const file = new URL(import.meta.url).searchParams.get('file') ?? '';
const now = Date.now.bind(Date);
let lookedAt = 0;
let aheadMs = 0;

function shifted(): number {
  const real = now();
  if (real - lookedAt > LOOK_MS) {
    lookedAt = real;
    aheadMs = Number(readFileSync(file, 'utf8'));
  }
  return real + aheadMs;
}

globalThis.Date = class extends Date {
  constructor(...args: unknown[]) {
    super(...((args.length === 0 ? [shifted()] : args) as [number]));
  }

  static override now(): number {
    return shifted();
  }
} as DateConstructor;
