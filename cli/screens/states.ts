import type { Style } from '../terminal.ts';
import type { Cell } from './table.ts';

/** How well a state of a town, a rig, an agent or a recovery is, for its colour; states that are neither have none. */
const LOOKS: Readonly<Record<string, 'green' | 'yellow' | 'red'>> = {
  lit: 'green',
  ready: 'green',
  complete: 'green',
  working: 'green',
  starting: 'yellow',
  recovering: 'yellow',
  restoring: 'yellow',
  running: 'yellow',
  waiting: 'yellow',
  pending: 'yellow',
  partial: 'yellow',
  stalled: 'yellow',
  degraded: 'red',
  failed: 'red',
};

/** A state in its colour, in a cell. */
export function stateCell(state: string, style: Style): Cell {
  return { text: state, look: (text) => stateText(text, state, style) };
}

/** A text in the colour of a state. */
export function stateText(text: string, state: string, style: Style): string {
  const look = LOOKS[state];
  return look === undefined ? text : style(look, text);
}
