import { z } from 'zod';

/** The disk that the workspace is on; `freeInodes` is how many files can still be made, null where nobody knows. */
export const DiskSpace = z.object({
  freeBytes: z.number().nonnegative(),
  totalBytes: z.number().nonnegative(),
  freeInodes: z.number().nonnegative().nullable().default(null),
});
export type DiskSpace = z.infer<typeof DiskSpace>;
