import { execa } from 'execa';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const SERVE = fileURLToPath(new URL('serve.ts', import.meta.url));

/** What went over the links. */
export interface Traffic {
  readonly bytes: number;
  readonly requests: number;
}

/** The git server and the tars, each behind a link, in a process of their own. */
export interface FarSide {
  readonly gitUrl: string;
  readonly tarUrl: string;
  /** What went over the links since the last call. */
  traffic(): Promise<Traffic>;
  close(): Promise<void>;
}

/** Serves a folder with `source.git` and the tars over links with this round-trip time and bandwidth. */
export async function openFarSide(order: { rootDir: string; rttMs: number; mbit: number }): Promise<FarSide> {
  const child = execa(process.execPath, [SERVE, JSON.stringify(order)], { stderr: 'inherit', buffer: false });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value));
  const { git, tar } = z.object({ git: z.number(), tar: z.number() }).parse(await next());
  return {
    gitUrl: `http://127.0.0.1:${git}/source.git`,
    tarUrl: `http://127.0.0.1:${tar}`,
    traffic: async () => {
      child.stdin.write('\n');
      return z.object({ bytes: z.number(), requests: z.number() }).parse(await next());
    },
    close: async () => {
      child.stdin.end();
      await child;
    },
  };
}
