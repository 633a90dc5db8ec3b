import { z } from 'zod';

/** A local instance of the recovery Workflow, as the dev session's explorer lists it. */
const Listing = z.looseObject({
  result: z.array(z.looseObject({ id: z.string(), status: z.string() })),
});

const UNFINISHED = new Set(['running', 'waiting', 'queued', 'paused', 'waitingForPause', 'unknown']);

/** Event that no step waits for: its arrival alone makes the local engine load the instance and go on. */
const NUDGE_EVENT = 'nudge';

/**
 * Wakes every recovery that a former session left unfinished: locally an instance's state survives a restart, but it
 * does not go on by itself. Gives their ids.
 */
export async function wakeUnfinished(url: string): Promise<string[]> {
  const instances = `${url}/cdn-cgi/local/explorer/api/workflows/recovery/instances`;
  const answer = await fetch(`${instances}?per_page=100`);
  if (!answer.ok) throw new Error(`the list of recoveries answered ${answer.status}: ${await answer.text()}`);
  const { result } = Listing.parse(await answer.json());
  const unfinished = result.filter(({ status }) => UNFINISHED.has(status)).map(({ id }) => id);
  for (const id of unfinished) {
    const woken = await fetch(`${instances}/${id}/events/${NUDGE_EVENT}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    if (!woken.ok) throw new Error(`recovery ${id} could not be woken: ${await woken.text()}`);
  }
  return unfinished;
}
