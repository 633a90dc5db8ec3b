import { randomBytes } from 'node:crypto';
import { DockerError } from './docker-error.ts';
import { type Command, type Life, type LineListener, startLife } from './life.ts';
import type { Reaper } from './reaper-handle.ts';

/** What a container was created with. */
export interface ContainerSpec {
  name: string;
  image: string;
  env: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  networkMode: string;
}

/** How a container stands (Docker Engine API, `ContainerState`). */
export interface ContainerState {
  status: 'created' | 'running' | 'exited';
  pid: number;
  exitCode: number;
}

/** What the Docker API asks of a container, be it an app or its network sidecar. */
export interface EngineContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly createdAt: Date;
  state(): ContainerState;
  /** The published ports: container port -> loopback port. */
  ports(): Readonly<Record<string, number>>;
  /** Starts it; false when it runs already. */
  start(): Promise<boolean>;
  /** Signals it; throws a 409 when it does not run. */
  kill(signal: NodeJS.Signals): void;
  /** The exit code, once it is not running (any more). */
  exit(): Promise<number>;
  /** Ends all of it, also when it is just being started. */
  end(): Promise<void>;
}

/** A new id as Docker gives them: 64 hexadecimal digits. */
export function newContainerId(): string {
  return randomBytes(32).toString('hex');
}

/** What an app container needs of its engine. */
export interface AppContainerOptions {
  rootDir: string;
  reaper: Reaper;
  command: Command;
  onLine: LineListener;
}

/**
 * A container that runs a program as a child process. Each start gives it a fresh disk: unlike Docker, and like
 * Cloudflare, nothing of a former run is there.
 */
export class AppContainer implements EngineContainer {
  readonly id = newContainerId();
  readonly createdAt = new Date();
  readonly spec: ContainerSpec;
  readonly #options: AppContainerOptions;
  #starting: Promise<Life> | null = null;
  #life: Life | null = null;
  #exitCode: number | null = null;

  constructor(spec: ContainerSpec, options: AppContainerOptions) {
    this.spec = spec;
    this.#options = options;
  }

  /** The running process, or null. */
  get life(): Life | null {
    return this.#life;
  }

  state(): ContainerState {
    const status = this.#life ? 'running' : this.#exitCode === null ? 'created' : 'exited';
    return { status, pid: this.#life?.pid ?? 0, exitCode: this.#exitCode ?? 0 };
  }

  ports(): Readonly<Record<string, number>> {
    return {};
  }

  async start(): Promise<boolean> {
    if (this.#starting || this.#life) return false;
    this.#starting = startLife({ ...this.#options, name: this.spec.name, env: this.spec.env });
    try {
      this.#life = await this.#starting;
    } catch (error) {
      throw new DockerError(400, `cannot start ${this.spec.name}: ${String(error)}`);
    } finally {
      this.#starting = null;
    }
    void this.#noteEnd(this.#life);
    return true;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#life) throw new DockerError(409, `container ${this.spec.name} is not running`);
    this.#life.signal(signal);
  }

  async exit(): Promise<number> {
    return this.#life ? this.#life.ended : (this.#exitCode ?? 0);
  }

  async end(): Promise<void> {
    if (this.#starting) await Promise.allSettled([this.#starting]);
    this.#life?.signal('SIGKILL');
    await this.#life?.ended;
  }

  async #noteEnd(life: Life): Promise<void> {
    this.#exitCode = await life.ended;
    this.#life = null;
  }
}
