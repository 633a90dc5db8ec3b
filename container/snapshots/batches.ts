import { asRelightError } from '../git/errors.ts';

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Runs `work` for one batch at a time per key: what is asked for while a batch is under way is the next batch. Each item
 * has its own result, in the order of the batch; an Error among them, or thrown, is what the caller gets thrown.
 */
export function inBatches<Item, Result>(
  work: (key: string, batch: readonly Item[]) => Promise<readonly (Result | Error)[]>,
): (key: string, item: Item) => Promise<Result> {
  const queues = new Map<string, Waiting<Item, Result>[]>();
  const drain = async (key: string, queue: Waiting<Item, Result>[]): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.splice(0);
      const results = await work(
        key,
        batch.map(({ item }) => item),
      ).catch((error: unknown) => batch.map(() => asRelightError(error)));
      for (const [n, { resolve, reject }] of batch.entries()) {
        const result = results[n] ?? new Error('the batch left an item out');
        if (result instanceof Error) reject(result);
        else resolve(result);
      }
    }
    queues.delete(key);
  };
  return (key, item) => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const queue = queues.get(key);
    if (queue !== undefined) queue.push({ item, resolve, reject });
    else {
      const first = [{ item, resolve, reject }];
      queues.set(key, first);
      void drain(key, first);
    }
    return promise;
  };
}
