import { until } from '../../../dev/client.ts';
import type { ContainerInfo } from '../../../dev/engine/engine.ts';
import type { Random } from '../../../dev/random.ts';
import type { Arena } from '../towns/arena.ts';
import type { Town } from '../towns/open-town.ts';

/** Where a fault strikes. */
export interface Scene {
  readonly arena: Arena;
  readonly town: Town;
  readonly random: Random;
  readonly deeds: Deeds;
}

/** What faults did that changes what may be expected of the town afterwards. */
export interface Deeds {
  /** Agents whose process was killed, by their keys, once for each time: these exits may count as attempts. */
  readonly killedAgents: string[];
  /** Agents whose branch somebody else moved or deleted: work may be set aside or lost there, if it is said. */
  readonly tampered: Set<string>;
  /** Whether the containers' clock was wrong: times of snapshots say nothing then. */
  wrongClock: boolean;
  /** What was answered to messages of earlier boots. */
  readonly staleAnswers: { readonly path: string; readonly status: number; readonly code: string | null }[];
}

/** Ends a fault that lasts. Safe to call when what it undoes is gone by itself. */
export type Heal = () => Promise<void>;

/** One way in which something breaks. */
export interface Fault {
  /** The failure of docs/recovery.md's table, where there is one, and what tells it from others of that kind. */
  readonly name: string;
  /** Milliseconds that it lasts; null for a blow of one moment. */
  readonly lastsMs: { readonly least: number; readonly most: number } | null;
  /** Whether the boot is over by it, so that there must be another one. */
  readonly endsBoot: boolean;
  /** It strikes the repositories of some rigs, or of all; any other strikes the whole town. */
  readonly ofRigs?: true;
  /** Why it cannot be had here; null or absent where it can. */
  readonly unavailable?: (arena: Arena) => string | null;
  /** Breaks it, for `rigs` where it is of rigs. Gives what mends it; null where nothing is to be mended. */
  strike(scene: Scene, rigs: readonly string[]): Promise<Heal | null>;
}

/** The town's container, which is waited for if it is not there at this moment. */
export function containerOf({ arena }: Scene): Promise<ContainerInfo & { pid: number; dir: string }> {
  return until('a container runs', 15_000, () => {
    const found = arena.world.relight.engine.containers().find(({ running }) => running);
    if (found === undefined || found.pid === null || found.dir === null) return Promise.resolve(null);
    return Promise.resolve({ ...found, pid: found.pid, dir: found.dir });
  });
}
