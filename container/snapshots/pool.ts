/** Keeps one of all equal things in memory, for as long as anybody holds it. */
export class Pool<Thing extends WeakKey> {
  readonly #known = new Map<string, WeakRef<Thing>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
  });

  /** The thing of that key; equal keys are equal things. It is made where none is held. */
  one(key: string, make: () => Thing): Thing {
    const known = this.#known.get(key)?.deref();
    if (known !== undefined) return known;
    const thing = make();
    this.#known.set(key, new WeakRef(thing));
    this.#gone.register(thing, key);
    return thing;
  }
}
