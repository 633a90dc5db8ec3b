import { RelightError } from '../../src/contract/errors.ts';
import type { ErrorCode } from '../../src/contract/errors.ts';

/** What can be wrong with a snapshot, and under which code of the contract it is reported. */
const CODES = {
  /** It took longer than its limit. */
  'timed-out': 'snapshot_timeout',
  /** It is larger than its limit. */
  'too-large': 'snapshot_too_large',
  /** Its bundle, or what the bundle holds, is damaged. */
  corrupt: 'snapshot_corrupt',
  /** It builds on commits that this repository does not have. */
  incomplete: 'snapshot_incomplete',
  /** The place that it is to be taken from or put back into is not what it has to be. */
  misplaced: 'git_failed',
} as const satisfies Record<string, ErrorCode>;

/** A failure of a snapshot; `missing` names the commits that an incomplete one needs. */
export class SnapshotError extends RelightError {
  readonly kind: keyof typeof CODES;
  readonly missing: readonly string[];

  constructor(
    kind: keyof typeof CODES,
    reason: string,
    facts: { missing?: readonly string[]; cause?: unknown } = {},
  ) {
    super(CODES[kind], reason, { cause: facts.cause });
    this.name = 'SnapshotError';
    this.kind = kind;
    this.missing = facts.missing ?? [];
  }
}
