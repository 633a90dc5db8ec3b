import { PLAIN, type Style } from '../terminal.ts';

/** A cell, and the look that it is to have; the look does not count for the width. */
export type Cell = string | { readonly text: string; readonly look: (text: string) => string };

/** Lines with columns under their heads, two blanks apart; the last column has no end. A table without rows has no lines. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: Style = PLAIN,
): string[] {
  if (rows.length === 0) return [];
  const head = heads.map((text) => ({ text, look: (padded: string) => style('dim', padded) }));
  const all: (readonly Cell[])[] = [head, ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => textOf(row[column]).length)));
  return all.map((row) =>
    row
      .map((cell, column) => {
        const padded = column === heads.length - 1 ? textOf(cell) : textOf(cell).padEnd(widths[column] ?? 0);
        return typeof cell === 'string' ? padded : cell.look(padded);
      })
      .join('  ')
      .trimEnd(),
  );
}

function textOf(cell: Cell | undefined): string {
  return cell === undefined || typeof cell === 'string' ? (cell ?? '') : cell.text;
}
