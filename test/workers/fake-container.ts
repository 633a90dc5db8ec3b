import { DurableObject } from 'cloudflare:workers';
import { BOOT_HEADER, TOKEN_HEADER } from '../../src/contract/control.ts';
import { problemOf } from '../../src/contract/errors.ts';
import { CONTRACT_HEADER } from '../../src/contract/version.ts';

/** A control server as a test scripts it: one life of one town's container. */
export interface FakeBoot {
  readonly bootId: string;
  generation: number | null;
  /** Runs, but answers nothing, or nothing but errors. */
  silent?: boolean | 'errors';
  /** Answers a control call; the health check is answered by the fake. */
  handle(call: { method: string; path: string; body: unknown }): Response | Promise<Response>;
}

interface FakeMachine {
  /** Called for each start; throwing is a container that does not come up. */
  boot: () => FakeBoot;
  running: FakeBoot | null;
  /** What the container was started with: its control server obeys nobody else. */
  token: string;
  /** What the newest control call brought it to call back with. */
  handedOver: string | null;
  /** What the container was started with. */
  environment: Readonly<Record<string, string>>;
  /** The contract that the last control call spoke. */
  contract: string | null;
  renewals: number;
  /** A start waits for it. */
  gate: Promise<void>;
  /** A start that is under way waits for it. */
  listening: Promise<void>;
}

/** The machines that stand in for containers, by town. */
export const machines = new Map<string, FakeMachine>();

/** A machine that starts what `boot` makes. */
export function installMachine(town: string, boot: () => FakeBoot): FakeMachine {
  const machine: FakeMachine = {
    boot,
    running: null,
    token: '',
    handedOver: null,
    environment: {},
    contract: null,
    renewals: 0,
    gate: Promise.resolve(),
    listening: Promise.resolve(),
  };
  machines.set(town, machine);
  return machine;
}

/** Holds the starts of a town's container back until the answer is called: a recovery then finds all that was set up. */
export function holdContainer(town: string): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const machine = machines.get(town);
  if (machine === undefined) throw new Error(`${town} has no machine`);
  machine.gate = promise;
  return resolve;
}

/** Stands in for the Container class of @cloudflare/containers, as far as TownContainer uses it. */
export class Container<Bindings> extends DurableObject<Bindings> {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    const machine = () => machines.get(ctx.id.name ?? '');
    const container = {
      get running() {
        return (machine()?.running ?? null) !== null;
      },
      getTcpPort: () => ({
        fetch: (url: string, init?: RequestInit) => answer(machine(), url, init),
      }),
    };
    Object.defineProperty(this, 'ctx', {
      value: new Proxy(ctx, {
        get: (target, key) => {
          if (key === 'container') return container;
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    });
  }

  async startAndWaitForPorts({ startOptions }: StartArguments): Promise<void> {
    const machine = machines.get(this.ctx.id.name ?? '');
    if (machine === undefined) throw new Error('there is no container instance');
    await machine.gate;
    if (machine.running === null) {
      machine.running = machine.boot();
      machine.environment = startOptions.envVars;
      machine.token = startOptions.envVars['RELIGHT_TOKEN'] ?? '';
    }
    await machine.listening;
    await this.scheduleNextAlarm(60_000);
    await this.onStart();
  }

  /** Puts idle containers to sleep, in the library; it is there as long as the container runs. */
  override async alarm(): Promise<void> {
    if (machines.get(this.ctx.id.name ?? '')?.running) await this.scheduleNextAlarm(60_000);
  }

  async scheduleNextAlarm(ms = 1_000): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + ms);
  }

  async stop(): Promise<void> {
    await this.#end(0);
  }

  async destroy(): Promise<void> {
    await this.#end(137);
  }

  renewActivityTimeout(): void {
    const machine = machines.get(this.ctx.id.name ?? '');
    if (machine !== undefined) machine.renewals += 1;
  }

  onStart(): void | Promise<void> {}

  onStop(_params: { exitCode: number; reason: string }): void | Promise<void> {}

  async #end(exitCode: number): Promise<void> {
    const machine = machines.get(this.ctx.id.name ?? '');
    if (machine !== undefined) machine.running = null;
    await this.onStop({ exitCode, reason: 'exit' });
  }
}

interface StartArguments {
  readonly startOptions: { readonly envVars: Readonly<Record<string, string>> };
}

async function answer(
  machine: FakeMachine | undefined,
  url: string,
  init: RequestInit = {},
): Promise<Response> {
  const boot = machine?.running ?? null;
  if (boot === null || boot.silent === true) throw new Error('Network connection lost.');
  if (boot.silent === 'errors') return new Response('out of memory', { status: 500 });
  const path = new URL(url).pathname;
  const { bootId, generation } = boot;
  if (path === '/health') {
    return Response.json({ town: 'any', bootId, generation, bootedAt: 0, draining: false, agents: 0 });
  }
  if (new Headers(init.headers).get('authorization') !== `Bearer ${machine?.token}`)
    return Response.json(problemOf('unauthorized', 'the token is another one'), { status: 401 });
  const meantFor = new Headers(init.headers).get(BOOT_HEADER);
  if (meantFor !== bootId) throw new Error(`the call was meant for boot ${meantFor}`);
  if (machine) {
    machine.handedOver = new Headers(init.headers).get(TOKEN_HEADER);
    machine.contract = new Headers(init.headers).get(CONTRACT_HEADER);
  }
  const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : null;
  return boot.handle({ method: init.method ?? 'GET', path, body });
}
