import type { z } from 'zod';

/** One call across the boundary between Worker and container: both sides import it, neither writes its path again. */
export interface Exchange<Body = unknown, Answer = unknown> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body: z.ZodType<Body>;
  readonly answer: z.ZodType<Answer>;
}

/** The path with its `:name` places filled in, each encoded. Throws a TypeError where a place has no value. */
export function pathOf(exchange: Exchange, places: Readonly<Record<string, string>>): string {
  return exchange.path.replaceAll(/:([a-z]+)/g, (_, name: string) => {
    const value = places[name];
    if (value === undefined) throw new TypeError(`${exchange.path} needs ${name}`);
    return encodeURIComponent(value);
  });
}
