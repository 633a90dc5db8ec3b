import { RelightError } from '../src/contract/errors.ts';
import type { Life } from '../src/contract/ids.ts';

/** Which life of the container this process is, what generation the Town gave it, and whether it is ending. */
export class Lifecycle {
  readonly bootId: string;
  readonly bootedAt: number;
  #generation: number | null = null;
  #draining = false;

  constructor(bootId: string, bootedAt: number) {
    this.bootId = bootId;
    this.bootedAt = bootedAt;
  }

  get generation(): number | null {
    return this.#generation;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** The life to put on a message. Throws `internal` before the Town has accepted the boot. */
  get life(): Life {
    if (this.#generation === null) {
      throw new RelightError('internal', 'The Town has not given this boot its generation yet');
    }
    return { bootId: this.bootId, generation: this.#generation };
  }

  /** Takes over a generation that the Worker named; a smaller one than known changes nothing. */
  learn(generation: number | null): void {
    if (generation !== null && generation > (this.#generation ?? 0)) this.#generation = generation;
  }

  /** Refuses work for another life with `stale_boot` or `stale_generation`; learns the generation of accepted work. */
  fence(life: Life): void {
    this.fenceBoot(life.bootId);
    const known = this.#generation;
    if (known !== null && life.generation < known) {
      const reason = `This is generation ${String(known)}, the call is of ${String(life.generation)}`;
      throw new RelightError('stale_generation', reason);
    }
    this.learn(life.generation);
  }

  /** Refuses a call that is meant for another boot with `stale_boot`. */
  fenceBoot(bootId: string): void {
    if (bootId === this.bootId) return;
    throw new RelightError('stale_boot', `This is boot ${this.bootId}, the call is for ${bootId}`);
  }

  /** From now on no new work is taken. */
  drain(): void {
    this.#draining = true;
  }

  /** Throws `draining` once the control server is ending. */
  refuseWhileDraining(): void {
    if (this.#draining) throw new RelightError('draining', 'The container is shutting down');
  }
}
