import { z } from 'zod';

/**
 * A name that becomes a git ref component and a folder name: lower case, no path tricks, no ending that git refuses
 * in a ref (https://git-scm.com/docs/git-check-ref-format).
 */
export const Id = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be 1 to 63 of a-z 0-9 . _ - and start with a letter or digit')
  .refine((id) => !id.includes('..') && !id.endsWith('.') && !id.endsWith('.lock'), {
    message: 'must not contain "..", nor end with "." or ".lock"',
  });

/** The random name that a control server gives itself when it starts; 32 lower-case hex digits. */
export const BootId = z.string().regex(/^[0-9a-f]{32}$/, 'must be 32 hex digits');

/** A full object id of git, SHA-1 or SHA-256. */
export const CommitId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'must be a full git object id');

/** The name of one start of one agent, made by its Rig: an exit or heartbeat of an earlier start is told apart by it. */
export const StartId = z.uuid();

/** Milliseconds since 1970, UTC. */
export const Instant = z.int().nonnegative();

/** Which life of the container a message belongs to; every message of a running town carries it. */
export const Life = z.object({
  bootId: BootId,
  generation: z.int().positive(),
});
export type Life = z.infer<typeof Life>;
