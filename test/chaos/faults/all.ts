import type { Arena } from '../towns/arena.ts';
import { AGENT_FAULTS } from './agent.ts';
import { CALLBACK_FAULTS } from './callbacks.ts';
import { CONTAINER_FAULTS } from './container.ts';
import { CONTROL_FAULTS } from './control.ts';
import type { Fault } from './fault.ts';
import { GIT_FAULTS } from './git.ts';
import { MACHINE_FAULTS } from './machine.ts';
import { WORKER_FAULTS } from './worker.ts';

/** Every fault that there is. */
export const FAULTS: readonly Fault[] = [
  ...CONTAINER_FAULTS,
  ...CONTROL_FAULTS,
  ...CALLBACK_FAULTS,
  ...GIT_FAULTS,
  ...WORKER_FAULTS,
  ...AGENT_FAULTS,
  ...MACHINE_FAULTS,
];

/** The faults whose names begin with one of `wanted`; all without any. Throws a TypeError for one that names none. */
export function faultsNamed(wanted: readonly string[]): readonly Fault[] {
  if (wanted.length === 0) return FAULTS;
  const strange = wanted.find((start) => !FAULTS.some(({ name }) => name.startsWith(start)));
  if (strange !== undefined) {
    throw new TypeError(
      `there is no fault ${strange}; there are: ${FAULTS.map(({ name }) => name).join('; ')}`,
    );
  }
  return FAULTS.filter(({ name }) => wanted.some((start) => name.startsWith(start)));
}

/** Those of the faults that can be had here, and why the others cannot. */
export function available(
  faults: readonly Fault[],
  arena: Arena,
): { usable: readonly Fault[]; missing: readonly string[] } {
  const reasons = faults.map((fault) => ({ fault, reason: fault.unavailable?.(arena) ?? null }));
  return {
    usable: reasons.filter(({ reason }) => reason === null).map(({ fault }) => fault),
    missing: reasons.flatMap(({ fault, reason }) => (reason === null ? [] : [`${fault.name}: ${reason}`])),
  };
}
