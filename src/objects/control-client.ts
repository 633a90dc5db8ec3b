import type { z } from 'zod';
import { RelightError, Problem } from '../contract/errors.ts';
import { pathOf } from '../contract/exchange.ts';
import type { Exchange } from '../contract/exchange.ts';
import { containerOf } from './reach.ts';

/** Which control server a call is for: the one of this boot, and no later one. */
export interface ControlTarget {
  readonly town: string;
  readonly bootId: string;
}

/**
 * Makes one call to the town's control server and checks the answer. Throws RelightError: what the control server
 * refused with, `container_not_running`, or `control_unreachable` when there was no answer that makes sense.
 */
export async function callControl<Call extends Exchange>(
  env: Env,
  { town, bootId }: ControlTarget,
  call: Call,
  places: Readonly<Record<string, string>>,
  body?: z.input<Call['body']>,
): Promise<z.output<Call['answer']>> {
  const { status, text } = await containerOf(env, town).control({
    method: call.method,
    path: pathOf(call, places),
    bootId,
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (status >= 400) throw refusalOf(status, text);
  try {
    return call.answer.parse(readJson(text)) as z.output<Call['answer']>;
  } catch (error) {
    throw new RelightError('control_unreachable', `the control server's answer makes no sense`, {
      cause: error,
    });
  }
}

function readJson(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text);
}

function refusalOf(status: number, text: string): RelightError {
  try {
    const { code, detail } = Problem.parse(readJson(text));
    return new RelightError(code, detail);
  } catch (error) {
    return new RelightError('control_unreachable', `the control server answered ${status}`, { cause: error });
  }
}
