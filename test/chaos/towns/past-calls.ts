import { z } from 'zod';
import { OFFER_HEADER } from '../../../src/contract/snapshot.ts';
import type { Answer, Passing } from '../proxy.ts';
import { jsonOrNull } from '../../json-or-null.ts';

const Named = z.union([
  z.object({ bootId: z.string() }),
  z.object({ life: z.object({ bootId: z.string() }) }).transform(({ life }) => life),
]);

/** How many calls of one boot are kept: the newest. */
const KEPT = 40;

/** The calls that containers have made to the Worker, by the boot that made them. */
export class PastCalls {
  readonly #byBoot = new Map<string, Passing[]>();
  /** Makes a call now. */
  sender: (call: Passing) => Promise<Answer> = () => Promise.reject(new Error('there is no sender'));

  note(call: Passing): void {
    const boot = bootOf(call);
    if (boot === null) return;
    const calls = this.#byBoot.get(boot) ?? [];
    this.#byBoot.set(boot, [...calls.slice(1 - KEPT), call]);
  }

  of(bootId: string): readonly Passing[] {
    return this.#byBoot.get(bootId) ?? [];
  }

  forget(): void {
    this.#byBoot.clear();
  }
}

/** The boot that a call names, in its body or, where that is a bundle, in a header; null where it names none. */
function bootOf({ headers, body }: Passing): string | null {
  const offer = headers[OFFER_HEADER];
  const text = typeof offer === 'string' ? Buffer.from(offer, 'base64url').toString() : body.toString();
  return Named.safeParse(jsonOrNull(text)).data?.bootId ?? null;
}
