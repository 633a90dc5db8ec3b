/**
 * A Durable Object as its callers see it: every method answers by a promise of a structured clone. (The platform's own
 * stub type adds pipelining and disposal, which nothing here uses, and fails on recursive types such as JSON.)
 */
export type Stub<Target> = {
  readonly [Name in MethodNames<Target>]: Target[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

type MethodNames<Target> = {
  [Name in keyof Target]: Target[Name] extends (...args: never[]) => unknown ? Name : never;
}[keyof Target];

/** The object called `name`. */
export function stubOf<Target>(namespace: Namespace, name: string): Stub<Target> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the binding's class is fixed by wrangler.toml
  return namespace.getByName(name) as Stub<Target>;
}

interface Namespace {
  getByName(name: string): unknown;
}
