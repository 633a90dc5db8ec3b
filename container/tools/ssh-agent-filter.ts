import { Transform, type TransformCallback } from 'node:stream';

/**
 * The requests of ssh's agent protocol (https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/) that use keys: list
 * them, sign, and the extension by which ssh binds a connection to its session. All others change what the agent holds.
 */
const USES = new Set([11, 13, 27]);
/** ssh-agent's own limit. */
const LONGEST_BYTES = 256 * 1024;
const HEAD_BYTES = 5;

/** Passes requests to an ssh-agent on as they are, and fails at the first that does more than use its keys. */
export class SshAgentFilter extends Transform {
  /** The beginning of a request whose head is not here yet. */
  #head = Buffer.alloc(0);
  /** Bytes that are still to come of the request that is being passed on. */
  #left = 0;

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#left === 0) {
        this.#head = Buffer.concat([this.#head, rest]);
        if (this.#head.length < HEAD_BYTES) break;
        const length = this.#head.readUInt32BE(0);
        const type = this.#head.readUInt8(4);
        if (!USES.has(type) || length > LONGEST_BYTES) {
          done(new Error(`an ssh-agent request of type ${String(type)} is not passed on`));
          return;
        }
        this.#left = length + 4;
        rest = this.#head;
        this.#head = Buffer.alloc(0);
      }
      this.push(rest.subarray(0, this.#left));
      const passed = Math.min(this.#left, rest.length);
      this.#left -= passed;
      rest = rest.subarray(passed);
    }
    done();
  }
}
