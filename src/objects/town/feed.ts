import { asc, eq, gt, lte, max } from 'drizzle-orm';
import type { Change, FeedEntry } from '../../contract/changes.ts';
import type { Database } from '../../tables/open.ts';
import { feed } from '../../tables/town/schema.ts';

/** How many changes a reader who was away can catch up on. */
const KEPT_CHANGES = 2_000;

const KEEP_ALIVE_MS = 15_000;

/** The town's changes: kept for a while, and sent to everyone who listens by server-sent events. */
export class Feed {
  readonly #db: Database;
  readonly #readers = new Set<(entry: FeedEntry) => void>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Keeps the change and sends it to all readers. */
  publish(change: Change): void {
    const at = Date.now();
    const { seq } = this.#db.insert(feed).values({ at, change }).returning({ seq: feed.seq }).get();
    if (seq % 100 === 0)
      this.#db
        .delete(feed)
        .where(lte(feed.seq, seq - KEPT_CHANGES))
        .run();
    for (const send of this.#readers) send({ seq, at, change });
  }

  /** Whether the change was published before, as far as changes are kept. */
  has(change: Change): boolean {
    return this.#db.select().from(feed).where(eq(feed.change, change)).get() !== undefined;
  }

  /**
   * The stream of an HTML event source (https://html.spec.whatwg.org/multipage/server-sent-events.html): what came
   * after `lastSeq`, then everything new. Without `lastSeq` only what is new.
   */
  stream(lastSeq: number | null): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    let leave = (): void => undefined;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const write = (text: string): void => {
          try {
            controller.enqueue(encoder.encode(text));
          } catch {
            leave(); // The reader is gone: an enqueue on its closed stream is how one learns of it.
          }
        };
        const send = (entry: FeedEntry): void =>
          write(`id: ${entry.seq}\nevent: ${entry.change.kind}\ndata: ${JSON.stringify(entry)}\n\n`);
        const keepAlive = setInterval(() => write(': still here\n\n'), KEEP_ALIVE_MS);
        leave = () => {
          clearInterval(keepAlive);
          this.#readers.delete(send);
        };
        write(`: seq ${this.#lastSeq()}\nretry: 1000\n\n`);
        if (lastSeq !== null) for (const entry of this.#after(lastSeq)) send(entry);
        this.#readers.add(send);
      },
      cancel: () => leave(),
    });
  }

  #lastSeq(): number {
    return (
      this.#db
        .select({ seq: max(feed.seq) })
        .from(feed)
        .get()?.seq ?? 0
    );
  }

  #after(seq: number): FeedEntry[] {
    return this.#db.select().from(feed).where(gt(feed.seq, seq)).orderBy(asc(feed.seq)).all();
  }
}
