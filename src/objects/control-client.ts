import { z } from 'zod';
import { RelightError, Problem } from '../contract/errors.ts';
import { pathOf } from '../contract/exchange.ts';
import type { Exchange } from '../contract/exchange.ts';
import { containerOf } from './reach.ts';
import type { ControlReply } from './town-container.ts';

/** Which control server a call is for: the one of this boot, and no later one. */
export interface ControlTarget {
  readonly town: string;
  readonly bootId: string;
}

/**
 * Makes one call to the town's control server and checks the answer. Throws RelightError: what the control server
 * refused with, `container_not_running`, or `control_unreachable` when there was no answer that makes sense.
 */
export async function callControl<Body, Answer>(
  env: Env,
  { town, bootId }: ControlTarget,
  call: Exchange<Body, Answer>,
  places: Readonly<Record<string, string>>,
  body?: Body,
): Promise<Answer> {
  const reply = await containerOf(env, town).control({
    method: call.method,
    path: pathOf(call, places),
    bootId,
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (reply.status >= 400) throw refusalOf(reply);
  try {
    return call.answer.parse(contentOf(reply));
  } catch (error) {
    throw new RelightError(
      'control_unreachable',
      `the control server's answer makes no sense: ${textOf(error)}`,
    );
  }
}

function contentOf({ status, text, isJson }: ControlReply): unknown {
  if (status === 204) return undefined;
  return isJson ? JSON.parse(text) : text;
}

function refusalOf(reply: ControlReply): RelightError {
  try {
    const { code, detail } = Problem.parse(contentOf(reply));
    // It obeys the key that it was started with. The operator's own token is another matter.
    if (code === 'unauthorized')
      return new RelightError('control_unreachable', `the control server refused the Worker: ${detail}`);
    return new RelightError(code, detail);
  } catch (error) {
    return new RelightError(
      'control_unreachable',
      `the control server answered ${reply.status}: ${textOf(error)}`,
    );
  }
}

/** As text: a ZodError as `cause` cannot be cloned, and would take the code of its error along. */
function textOf(error: unknown): string {
  return error instanceof z.ZodError ? z.prettifyError(error) : String(error);
}
