import { setTimeout as delay } from 'node:timers/promises';
import { LogPart, type LogPlace } from '../../src/contract/agent.ts';
import { AwayError, RefusedError } from '../failure.ts';
import { agentOf } from '../places.ts';
import type { Session, Task } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { bytes } from '../words.ts';

const ASK_EVERY_MS = 1_000;

/** `relight log TOWN/RIG/AGENT [--follow]` */
export const log: Task<{ follow?: true }> = async (session, { follow }, argument: string) => {
  const { path } = agentOf(argument);
  if (follow === true) await followLog(session, path);
  else print(session.terminal, await session.api.text('GET', `${path}/log`));
};

/** Prints what the agent writes, until Ctrl-C; a container that is not there yet, or no more, is waited for. */
async function followLog(session: Session, path: string): Promise<void> {
  const { api, terminal, options, interrupted } = session;
  let place: LogPlace = 'start';
  let trouble: string | null = null;
  while (!interrupted.aborted) {
    try {
      const answer = await api.get(LogPart, `${path}/log/${place}`);
      // From the text: what an agent wrote is printed with its colours.
      const { text, next, skipped } = LogPart.parse(JSON.parse(answer.text));
      if (skipped > 0) terminal.say(`${bytes(skipped)} were written too fast to be kept (skipped)`);
      if (options.json === true && text !== '') terminal.print(answer.text);
      else print(terminal, text);
      [place, trouble] = [next, null];
    } catch (error) {
      const waiting = waitingFor(error);
      // Nobody has answered yet: there is nothing to go on with.
      if (waiting === null || (place === 'start' && error instanceof AwayError)) throw error;
      if (trouble !== waiting) terminal.say(waiting);
      trouble = waiting;
    }
    await delay(ASK_EVERY_MS, undefined, { signal: interrupted }).catch(ignoreAbort);
  }
}

/** What is said while the log cannot be had; null for an error that does not pass. */
function waitingFor(error: unknown): string | null {
  if (error instanceof AwayError) return `${error.message}; trying again`;
  if (!(error instanceof RefusedError) || !error.problem.retryable) return null;
  return `${error.problem.detail} (${error.problem.code}); waiting for it`;
}

/** Prints what a program wrote: on a terminal with its colours, and without whatever else would move or change it. */
function print(terminal: Terminal, text: string): void {
  terminal.write(terminal.isLive ? harmless(text) : text);
}

/** Escape sequences of ECMA-48 and other control characters but colours, tab, and ends of lines. */
function harmless(text: string): string {
  return text.replaceAll(
    /\u001b(?:\[(?![0-9;]*m)[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|(?!\[)[ -/]*[0-~]?)|[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f-\u009f]/g,
    '',
  );
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
