/** A stream is ended after this time: the browser comes back at once, and must still be signed in then. */
const LASTS_MS = 5 * 60_000;

/**
 * A town's feed without what it tells: that something changed is all that a page needs, which then asks for itself with
 * its own session. So a stream that outlives the session it was opened with gives nothing away.
 */
export function changesOnly(feed: Response): Response {
  if (feed.body === null) return feed;
  const [decoder, encoder] = [new TextDecoder(), new TextEncoder()];
  let ending: ReturnType<typeof setTimeout>;
  const thin = new TransformStream<Uint8Array, Uint8Array>({
    start: (controller) => {
      ending = setTimeout(() => controller.terminate(), LASTS_MS);
    },
    transform: (chunk, controller) => {
      const text = decoder.decode(chunk, { stream: true });
      // Comments keep the connection up. A message that comes in two pieces counts twice, which does no harm.
      const isComment = text.startsWith(':') && !text.includes('\ndata:');
      controller.enqueue(encoder.encode(isComment ? text : 'event: changed\ndata: 1\n\n'));
    },
    flush: () => clearTimeout(ending),
    cancel: () => clearTimeout(ending),
  });
  return new Response(feed.body.pipeThrough(thin), feed);
}
