import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const LOOK_MS = 10;

const Go = z.object({ arrival: z.string(), life: z.int().positive() });

/**
 * The writer's side: says that it is there and waits until the checker lets it go on, so that its worktree is looked at
 * before it changes. Gives the number of its life.
 */
export async function passGate(dir: string, agent: string): Promise<number> {
  const arrival = randomUUID();
  writeWhole(arrivalFile(dir, agent), arrival);
  for (;;) {
    const go = readWhole(goFile(dir, agent));
    if (go !== null) {
      const { arrival: meant, life } = Go.parse(JSON.parse(go));
      if (meant === arrival) return life;
    }
    await delay(LOOK_MS);
  }
}

/** The checker's side: the newest arrival of the agent's writer, a text that is new in each life; null before the first. */
export function arrivalOf(dir: string, agent: string): string | null {
  return readWhole(arrivalFile(dir, agent));
}

/** The checker's side: lets the writer that arrived thus begin its life of that number. */
export function letGo(dir: string, agent: string, go: z.infer<typeof Go>): void {
  writeWhole(goFile(dir, agent), JSON.stringify(go));
}

function arrivalFile(dir: string, agent: string): string {
  return join(dir, `${agent}.arrived`);
}

function goFile(dir: string, agent: string): string {
  return join(dir, `${agent}.go`);
}

function writeWhole(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}

function readWhole(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}
