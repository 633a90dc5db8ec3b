// The calls behind `gt` and `gt mcp`: both say the same words and give the same results. Only built-in modules here.
import { askControl, ControlAway } from './control-socket.ts';
import { field } from './json-field.ts';
import { nextStep, WHEN_AWAY } from './next-step.ts';

/** The way to the control server: its socket, for how long to try in milliseconds, and what takes a call back. */
export interface Link {
  readonly socketPath: string;
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

/** What a call came to: in words for the agent, and as the control server's JSON. */
export interface Outcome {
  readonly words: string;
  readonly json: string;
}

/** What `done` says about the bead. */
export interface DoneWords {
  readonly prUrl: string | null;
  readonly summary: string | null;
  /** Commits what is not committed. */
  readonly wip: boolean;
  /** Leaves behind what is not committed. */
  readonly discard: boolean;
}

/** The control server refused: the message has its code, its reason, and what the agent can do about it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** The agent's context: Markdown in words. Throws {@link Refusal} or ControlAway, as all calls here do. */
export async function prime(link: Link): Promise<Outcome> {
  const json = await ask(link, '/prime', '');
  return { words: field(json, 'text'), json };
}

/** Saves any JSON text as the agent's newest checkpoint. */
export async function checkpoint(link: Link, data: string): Promise<Outcome> {
  const json = await ask(link, '/checkpoint', data);
  return { words: `checkpoint ${field(json, 'seq')} saved`, json };
}

/** Pushes, proves that the remote has it, and takes the bead off the hook. */
export async function done(link: Link, words: DoneWords): Promise<Outcome> {
  const json = await ask(link, '/done', JSON.stringify(words));
  return { words: `${field(json, 'bead')} is done. Nothing is left to do: stop here.`, json };
}

/** How the control server stands, in words that are JSON too. */
export async function status(link: Link): Promise<Outcome> {
  const json = await ask(link, '/status', '');
  return { words: json, json };
}

async function ask({ socketPath, waitMs, signal }: Link, path: string, body: string): Promise<string> {
  const answer = await askControl(socketPath, path, { body, waitMs, signal }).catch((error: unknown) => {
    if (!(error instanceof ControlAway)) throw error;
    throw new ControlAway(`${error.message}\nWhat to do: ${WHEN_AWAY}`, { cause: error });
  });
  if (answer.status === 200) return answer.text;
  const code = field(answer.text, 'code');
  const next = nextStep(code, field(answer.text, 'retryable') === 'true');
  throw new Refusal(`${code}: ${field(answer.text, 'detail')}\nWhat to do: ${next}`);
}
