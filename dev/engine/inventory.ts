import type { EngineContainer } from './container.ts';
import { DockerError } from './docker-error.ts';

/** The containers that exist, in the order of their creation. */
export class Inventory {
  readonly #byId = new Map<string, EngineContainer>();
  readonly #removals = new Map<string, PromiseWithResolvers<void>>();

  all(): EngineContainer[] {
    return [...this.#byId.values()];
  }

  /** Finds by name, with or without the leading slash, by id or by the beginning of an id. Null when there is none. */
  find(idOrName: string): EngineContainer | null {
    const name = idOrName.replace(/^\//, '');
    const all = this.all();
    return (
      all.find((container) => container.spec.name === name || container.id === name) ??
      (/^[0-9a-f]{12,}$/.test(name) ? all.find((container) => container.id.startsWith(name)) : undefined) ??
      null
    );
  }

  /** As `find`, but throws a 404 when there is none. */
  get(idOrName: string): EngineContainer {
    const container = this.find(idOrName);
    if (!container) throw new DockerError(404, `No such container: ${idOrName}`);
    return container;
  }

  /** Adds a new container; throws a 409 when its name is taken. */
  add(container: EngineContainer): void {
    const { name } = container.spec;
    if (this.find(name)) {
      throw new DockerError(409, `Conflict. The container name "/${name}" is already in use`);
    }
    this.#byId.set(container.id, container);
    this.#removals.set(container.id, Promise.withResolvers());
  }

  /** Ends a container, all of it, and takes it out. Removing it twice at the same time is the same as once. */
  async remove(container: EngineContainer): Promise<void> {
    await container.end();
    this.#byId.delete(container.id);
    this.#removals.get(container.id)?.resolve();
    this.#removals.delete(container.id);
  }

  /** Settles once the container is removed. */
  async removed(container: EngineContainer): Promise<void> {
    await this.#removals.get(container.id)?.promise;
  }
}
