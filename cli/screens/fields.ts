import type { Style } from '../terminal.ts';

/** Every field of an answer under its name in the API, one a line; texts of several lines below their name. */
export function fieldLines(value: object, style: Style): string[] {
  const entries = Object.entries(value);
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, field]) => `${style('dim', name.padEnd(width))}  ${textOf(field)}`);
}

function textOf(field: unknown): string {
  if (field === null) return '-';
  return typeof field === 'string' ? field.replaceAll('\n', '\n  ') : JSON.stringify(field);
}
