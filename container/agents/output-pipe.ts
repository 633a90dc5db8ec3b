import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const READ_BYTES = 16 * 1024;

/** A pipe for the output of a program. */
export interface OutputPipe {
  /** The end that the program writes to, open until {@link OutputPipe.handOver}. */
  readonly fd: number;
  /** Settles when nobody can write any more, and all is read. */
  readonly closed: Promise<void>;
  /** The program has the end that is written to. */
  handOver(): void;
  /** Reads no more. */
  destroy(): void;
}

/**
 * Opens a pipe that is read into the same bytes again and again, so that programs that write without end make no garbage;
 * `onOutput` has to copy what it keeps. It has a name until it is open, for Node makes pipes only together with a process.
 */
export async function openOutputPipe(onOutput: (chunk: Uint8Array) => void): Promise<OutputPipe> {
  const folder = await mkdtemp(join(tmpdir(), 'relight-out-'));
  try {
    const path = join(folder, 'pipe');
    // Whoever the program runs as may open its standard output by name (/dev/stdout).
    await promisify(execFile)('mkfifo', ['-m', '666', path]);
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const fd = openSync(path, 'w');
    const callback = (length: number, bytes: Uint8Array): boolean => {
      onOutput(bytes.subarray(0, length));
      return true;
    };
    const onread = { buffer: new Uint8Array(READ_BYTES), callback };
    const socket = new Socket({ fd: readFd, readable: true, writable: false, onread });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    return { fd, closed, handOver: () => closeSync(fd), destroy: () => socket.destroy() };
  } finally {
    await rm(folder, { recursive: true });
  }
}
