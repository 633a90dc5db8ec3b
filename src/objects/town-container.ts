import { Container } from '@cloudflare/containers';
import type { StopParams } from '@cloudflare/containers';
import { BOOT_HEADER, CONTROL, CONTROL_PORT, ControlHealth, TOKEN_HEADER } from '../contract/control.ts';
import { RelightError } from '../contract/errors.ts';
import { CONTRACT_HEADER, CONTRACT_VERSION } from '../contract/version.ts';
import { allowsPrivateGit } from '../platform/git-policy.ts';
import { bootRecoveryId, launchRecovery } from '../platform/launch.ts';
import { logEvent, logTrouble } from '../platform/log.ts';
import { signBootToken, signStartToken } from '../platform/token.ts';
import { partsOfName, townOf } from './reach.ts';

/** A control call ends within this time: the control server starts jobs and answers, it never makes a caller wait. */
const CONTROL_DEADLINE_MS = 10_000;

/** A start that takes longer is given up: cold starts of 20 s are reported. */
const START_DEADLINE_MS = 25_000;

/** An end by force that takes longer is given up, and tried again. */
const KILL_DEADLINE_MS = 25_000;

/** Where the name of the start is kept that the running container came of. */
const START_KEY = 'start';

/** One call to the control server, as it is put on the wire; `body` is JSON. */
export interface ControlCall {
  readonly method: string;
  readonly path: string;
  readonly bootId: string;
  readonly body: string | null;
}

/** What came back; a body that is not JSON is plain text. */
export interface ControlReply {
  readonly status: number;
  readonly text: string;
  readonly isJson: boolean;
}

/** What a container is started with; `origin` is where the operator last reached this Worker. */
export interface BootOrders {
  readonly drainSeconds: number;
  readonly origin: string | null;
}

/** The town's container. It starts, stops and is talked to; it decides nothing. */
export class TownContainer extends Container<Env> {
  override defaultPort = CONTROL_PORT;
  override sleepAfter: string = this.env.SLEEP_AFTER;

  readonly #town: string;
  /** The start that is under way. */
  #start: Promise<{ bootId: string }> | null = null;

  constructor(ctx: DurableObjectState<object>, env: Env) {
    super(ctx, env);
    this.#town = partsOfName(ctx).town;
  }

  /**
   * Starts the container unless it runs, and waits until the control server answers. Who asks while it comes up gets that
   * start. Throws RelightError `container_unavailable`.
   */
  async startBoot(orders: BootOrders): Promise<{ bootId: string }> {
    this.#start ??= this.#bringUp(orders).finally(() => {
      this.#start = null;
    });
    return await this.#start;
  }

  async #bringUp({ drainSeconds, origin }: BootOrders): Promise<{ bootId: string }> {
    try {
      await this.#nameStart();
      const abort = AbortSignal.timeout(START_DEADLINE_MS);
      const start = this.startAndWaitForPorts({
        ports: [CONTROL_PORT],
        cancellationOptions: { abort },
        startOptions: {
          envVars: {
            GT_TOWN: this.#town,
            RELIGHT_URL: this.#ownUrl(origin),
            RELIGHT_TOKEN: await this.#token(),
            DRAIN_SECONDS: String(drainSeconds),
            ALLOW_PRIVATE_GIT: String(allowsPrivateGit(this.env)),
          },
        },
      });
      // The library may wait for ever, whatever the signal, for a container that runs and does not answer.
      await Promise.race([start, rejectedBy(abort)]);
      return { bootId: (await this.#health()).bootId };
    } catch (error) {
      throw new RelightError('container_unavailable', `the container did not start: ${String(error)}`, {
        cause: error,
      });
    }
  }

  /** How the container stands; `health` is null where it does not run or does not answer. */
  async look(): Promise<{ running: boolean; starting: boolean; health: ControlHealth | null }> {
    const starting = this.#start !== null;
    if (!this.#isRunning()) return { running: false, starting, health: null };
    try {
      await this.#keepAlarm();
      return { running: true, starting, health: await this.#health() };
    } catch (error) {
      logTrouble('container.silent', error, { town: this.#town });
      return { running: this.#isRunning(), starting, health: null };
    }
  }

  /**
   * Passes a call on to the control server. It goes straight to the port, because `containerFetch` would start a
   * container that sleeps and would keep an idle one awake. Throws RelightError `container_not_running` or
   * `control_unreachable`.
   */
  async control(call: ControlCall): Promise<ControlReply> {
    const container = this.ctx.container;
    if (container?.running !== true)
      throw new RelightError('container_not_running', 'the container does not run');
    try {
      const response = await container.getTcpPort(CONTROL_PORT).fetch(`http://container${call.path}`, {
        method: call.method,
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${await this.#token()}`,
          [BOOT_HEADER]: call.bootId,
          [CONTRACT_HEADER]: String(CONTRACT_VERSION),
          [TOKEN_HEADER]: await this.#bootToken(call.bootId),
        },
        body: call.body,
        signal: AbortSignal.timeout(CONTROL_DEADLINE_MS),
      });
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      return { status: response.status, text: await response.text(), isJson };
    } catch (error) {
      throw new RelightError('control_unreachable', `the control server did not answer: ${String(error)}`, {
        cause: error,
      });
    }
  }

  /** Ends the container: `stop` asks by SIGTERM and lets it drain, `kill` is SIGKILL. */
  async endBoot(how: 'stop' | 'kill'): Promise<void> {
    if (this.ctx.container?.running !== true) return;
    await (how === 'stop' ? this.stop() : this.#kill());
  }

  /** A machine that cannot even be ended must not keep the watchdog waiting. Throws RelightError `control_wedged`. */
  async #kill(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const error = new RelightError('control_wedged', 'the container does not end');
    const timer = setTimeout(() => late.reject(error), KILL_DEADLINE_MS);
    try {
      await Promise.race([this.destroy(), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Keeps the container awake; called while agents work. */
  renew(): void {
    this.renewActivityTimeout();
  }

  /** Runs with the object blocked, and a throw would reset it: so it only reads the boot id and launches. */
  override async onStart(): Promise<void> {
    try {
      const { bootId } = await this.#health();
      await launchRecovery(this.env.RECOVERY, bootRecoveryId(bootId), {
        town: this.#town,
        bootId,
        trigger: 'boot',
        rigs: null,
      });
      logEvent('container.started', { town: this.#town, bootId });
    } catch (error) {
      logTrouble('container.launch_missed', error, { town: this.#town });
    }
  }

  override async onStop({ exitCode, reason }: StopParams): Promise<void> {
    logEvent('container.stopped', { town: this.#town, exitCode, reason });
    try {
      await townOf(this.env, this.#town).containerStopped(exitCode);
    } catch (error) {
      logTrouble('container.stop_unheard', error, { town: this.#town });
    }
  }

  override onError(error: unknown): void {
    logTrouble('container.error', error, { town: this.#town });
  }

  /**
   * Sees to the alarm by which the library puts an idle container to sleep. Where the library learns of an end by that very
   * alarm, it deletes it afterwards, also the one of a start that the news of the end brought about (0.3.7).
   */
  async #keepAlarm(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.scheduleNextAlarm();
  }

  /** One that runs already keeps the name, and with it the token, that it was started with. */
  async #nameStart(): Promise<void> {
    if (this.#isRunning()) return;
    const start = await townOf(this.env, this.#town).beginStart();
    if (!this.#isRunning()) await this.ctx.storage.put(START_KEY, start);
  }

  /** Asked anew after each wait: somebody else may have started it meanwhile. */
  #isRunning(): boolean {
    return this.ctx.container?.running === true;
  }

  /** What Worker and control server know and no agent does: each proves itself to the other with it. */
  async #token(): Promise<string> {
    const start = (await this.ctx.storage.get<string>(START_KEY)) ?? null;
    return await signStartToken(this.#town, start, this.env.CONTAINER_TOKEN_KEY);
  }

  /** What a boot calls back with: here for one whose own token has expired, because it could not reach the Worker. */
  async #bootToken(bootId: string): Promise<string> {
    return await signBootToken({ town: this.#town, bootId }, this.env.CONTAINER_TOKEN_KEY, Date.now());
  }

  /** Where the control server reaches this Worker. A Worker does not know its own address unless it is told. */
  #ownUrl(origin: string | null): string {
    const url: string = this.env.RELIGHT_URL;
    if (url !== '') return url;
    if (origin !== null) return origin;
    throw new RelightError('container_unavailable', 'RELIGHT_URL is not set, and no operator has called');
  }

  async #health(): Promise<ControlHealth> {
    const container = this.ctx.container;
    if (container === undefined) throw new RelightError('container_not_running', 'there is no container');
    const response = await container
      .getTcpPort(CONTROL_PORT)
      .fetch(`http://container${CONTROL.health.path}`, { signal: AbortSignal.timeout(CONTROL_DEADLINE_MS) });
    if (!response.ok)
      throw new RelightError('control_unreachable', `health check answered ${response.status}`);
    const health = ControlHealth.safeParse(jsonOrNull(await response.text()));
    if (health.success) return health.data;
    const reason = `the health check was answered ${response.status}, with something else than the contract says`;
    throw new RelightError('control_unreachable', reason, { cause: health.error });
  }
}

/** Rejects with the signal's reason once it is aborted. */
function rejectedBy(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason));
  return promise;
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return null; // Which no schema takes.
    throw error;
  }
}
