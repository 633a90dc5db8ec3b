/**
 * The one place that reads the platform's error texts. Cloudflare documents few of them as codes, so each is matched
 * here, by the words that were seen, and nowhere else.
 */

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** `create` of a Workflow instance whose id exists: somebody else launched it already, which is as good. */
export function isInstanceExists(error: unknown): boolean {
  return /already[_ ]exists/i.test(textOf(error));
}

/** The Workflow instance has ended or is unknown, so it takes no event. */
export function isInstanceGone(error: unknown): boolean {
  return /instance\.(not_found|cannot_|invalid)|not[_ ]found|finite state|is not running|terminated|completed/i.test(
    textOf(error),
  );
}

/** `waitForEvent` gave up; across steps the error arrives as a plain Error. */
export function isWaitTimeout(error: unknown): boolean {
  return /timed out|WorkflowTimeoutError/i.test(textOf(error));
}
