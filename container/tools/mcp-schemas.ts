import { z } from 'zod';
import { CheckpointReceipt, DoneMessage } from '../../src/contract/callbacks.ts';

// Strict: a misspelt argument is told to the model instead of being ignored. Null counts as left out, models send it.

/** The arguments of `gt_prime`. */
export const PrimeInput = z.strictObject({
  json: z
    .boolean()
    .nullish()
    .describe('true for the whole context as JSON, where nothing is cut. Leave it out for Markdown.'),
});

/** The arguments of `gt_checkpoint`. Spelt out, not recursive: many models cannot be given a recursive schema. */
export const CheckpointInput = z.strictObject({
  data: z
    .union([z.looseObject({}), z.array(z.unknown()), z.string(), z.number(), z.boolean(), z.null()])
    .describe(
      'Your progress, as a JSON value of at most 256 KiB; an object is best, for example ' +
        '{"done": ["parser"], "next": "tests of the parser", "tried": ["a regular expression: too slow"]}. ' +
        'Give the value itself, not a string with JSON in it.',
    ),
});

/** The result of `gt_checkpoint`. */
export const CheckpointOutput = CheckpointReceipt;

/** The arguments of `gt_done`. */
export const DoneInput = z.strictObject({
  prUrl: DoneMessage.shape.prUrl
    .optional()
    .describe('The address of the pull request that you opened, if you did.'),
  summary: DoneMessage.shape.summary
    .optional()
    .describe('What you did, in a few sentences for the people who read it.'),
  wip: z
    .boolean()
    .nullish()
    .describe(
      'true commits what is not committed as one last commit. For unfinished work that others go on with.',
    ),
  discard: z
    .boolean()
    .nullish()
    .describe('true leaves uncommitted changes and new files behind for good. Only when they are rubbish.'),
});

/** The result of `gt_done`: `head` is the commit that the remote branch was seen to hold. */
export const DoneOutput = DoneMessage.pick({ bead: true, branch: true, head: true });
