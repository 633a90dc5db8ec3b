/** Says whether an error is one of Node's system errors with one of these codes (`ENOENT`, `ESRCH`, …). */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
