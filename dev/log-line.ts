import { z } from 'zod';

/** A line as LogTape's JSON Lines formatter writes it. */
const Line = z.object({
  '@timestamp': z.string(),
  level: z.string(),
  message: z.string(),
  properties: z.record(z.string(), z.unknown()),
});

/** Prints one event of Worker or container for a person; lines that are not events are wrangler's, shown if they warn. */
export function showLine(from: 'worker' | 'container', line: string): void {
  const event = parse(line);
  if (event !== null) {
    const facts = Object.entries(event.properties).map(([name, value]) => `${name}=${shown(value)}`);
    console.log(`${event['@timestamp'].slice(11, 23)} ${from} ${event.message} ${facts.join(' ')}`.trimEnd());
  } else if (/\b(error|warning)\b/i.test(line) && !/RelightError|already_exists/.test(line)) {
    console.error(`${from}: ${line}`);
  }
}

function parse(line: string): z.infer<typeof Line> | null {
  if (!line.startsWith('{')) return null;
  try {
    return Line.safeParse(JSON.parse(line)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
