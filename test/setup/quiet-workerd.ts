/** How workerd begins its remarks on errors and connections that somebody has dealt with. */
const REMARK =
  /^(?:uncaught exception; |console warning; |exception = |stack: |NOSENTRY |workerd\/|kj\/|Using secrets defined in )/;

/**
 * Keeps workerd's own remarks out of the output of the tests: it makes one for every error that crosses an RPC, also
 * where the caller catches it. What goes wrong in a test is said by the test.
 */
export function quietWorkerd(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = (chunk: string | Uint8Array, ...rest: never[]): boolean =>
      typeof chunk === 'string' && REMARK.test(chunk) ? true : write(chunk, ...rest);
  }
}
