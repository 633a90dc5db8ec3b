import { DurableObject } from 'cloudflare:workers';
import type { TownArchive } from '../contract/archive.ts';
import type * as told from '../contract/callbacks.ts';
import type { Change } from '../contract/changes.ts';
import { RelightError } from '../contract/errors.ts';
import type { Fault } from '../contract/errors.ts';
import type { Life } from '../contract/ids.ts';
import type { TownMetrics } from '../contract/metrics.ts';
import type { Phase, Recovery } from '../contract/recovery.ts';
import type { RigSpec, RigView, StartOrders } from '../contract/rig.ts';
import { requirePublicHost } from '../platform/git-policy.ts';
import type { BootRecord, ContainerAction, LeftRefs, TownSettings, TownView } from '../contract/town.ts';
import type { TokenOrigin } from '../rules/container-token.ts';
import { openDatabase } from '../tables/open.ts';
import { directoryOf, partsOfName, rigOf } from './reach.ts';
import { exportTown, importTown } from './town/archive.ts';
import { admitLife, currentLife } from './town/boots.ts';
import { admitToken, beginStart } from './town/container-start.ts';
import type { TownCore } from './town/core.ts';
import { Feed } from './town/feed.ts';
import { listBoots } from './town/history.ts';
import { townMetrics } from './town/metrics.ts';
import * as recoveries from './town/recoveries.ts';
import { Recoverer } from './town/recoverer.ts';
import * as registry from './town/registry.ts';
import { eraseTown, finishRemoving, resumeRemovals } from './town/removal.ts';
import { StartGate } from './town/start-gate.ts';
import type { FailedAttempt } from './town/start-gate.ts';
import { completeSpec, describeRig, describeTown } from './town/view.ts';
import type { CompleteSpec } from './town/view.ts';
import { Vigil } from './town/vigil.ts';
import { Watchdog } from './town/watchdog.ts';
import type { OpenRequest, Opened } from './verdicts.ts';

/** One town: its rig registry, its boots and generations, its recoveries. Its alarm is the watchdog. */
export class Town extends DurableObject<Env> {
  readonly #core: TownCore;
  readonly #watchdog: Watchdog;
  readonly #recoverer: Recoverer;
  readonly #gate: StartGate;
  readonly #vigil: Vigil;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { town } = partsOfName(ctx);
    const db = openDatabase(ctx, 'town');
    this.#core = { town, env, db, storage: ctx.storage, feed: new Feed(db) };
    this.#watchdog = new Watchdog(this.#core);
    this.#recoverer = new Recoverer(this.#core);
    this.#gate = new StartGate(this.#core);
    this.#vigil = new Vigil(this.#core, { watchdog: this.#watchdog, gate: this.#gate });
  }

  // The registry

  /** Makes the town or changes its settings; `origin` is where the operator reaches this Worker. */
  async configure(settings: TownSettings, origin: string): Promise<TownView> {
    const { db, env, town } = this.#core;
    registry.putTown(db, town, { settings, origin }, Date.now());
    await directoryOf(env).enrol(town);
    return this.describe();
  }

  describe(): TownView {
    return describeTown(this.#core);
  }

  /** Registers the rig or changes its spec. Throws RelightError `git_address` for one at no public host. */
  async putRig(rig: string, spec: RigSpec): Promise<RigView> {
    const { db, env, town } = this.#core;
    registry.townRow(db, town);
    requirePublicHost(env, spec.gitUrl);
    await finishRemoving(this.#core, rig);
    const own = rigOf(env, town, rig);
    // First, so that every registered rig can be asked how it stands.
    await own.register();
    registry.putRig(db, rig, spec, Date.now());
    await own.retry();
    return this.rig(rig);
  }

  async rig(rig: string): Promise<RigView> {
    return describeRig(this.#core, this.#rigRow(rig));
  }

  async rigs(): Promise<RigView[]> {
    registry.townRow(this.#core.db, this.#core.town);
    return Promise.all(registry.rigRows(this.#core.db).map((row) => describeRig(this.#core, row)));
  }

  /** What a Rig and its restore need to know of the rig, and the command that applies where an agent has none. */
  rigSpec(rig: string): CompleteSpec {
    return completeSpec(this.#core, this.#rigRow(rig));
  }

  /** What an agent is started with, and until when it must not be. Throws RelightError `unknown_rig`. */
  startOrders(rig: string, agent: string): { heldUntil: number | null; orders: StartOrders } {
    const { agentCommand, snapshots } = this.rigSpec(rig);
    return { heldUntil: this.#gate.ask(rig, agent), orders: { agentCommand, snapshots } };
  }

  noteAttemptFailed(attempt: FailedAttempt): void {
    registry.townRow(this.#core.db, this.#core.town);
    this.#gate.noteAttemptFailed(attempt);
  }

  /** Removes the rig and everything it knows. What is cut off is gone for everybody, and goes on when it is repeated. */
  async removeRig(rig: string): Promise<LeftRefs[]> {
    const { db, town } = this.#core;
    registry.townRow(db, town);
    if (!registry.isRemoving(db, rig)) registry.markRemoving(db, this.#rigRow(rig).rig);
    await this.#watchdog.wakeSoon();
    return finishRemoving(this.#core, rig);
  }

  /** Removes the town with its rigs, agents and container. */
  erase(): Promise<LeftRefs[]> {
    return eraseTown(this.#core, this.ctx);
  }

  exportArchive(): Promise<TownArchive> {
    return exportTown(this.#core);
  }

  /** Makes the town as the archive has it, with its container held down. Throws RelightError `town_exists`. */
  async importArchive(archive: TownArchive, origin: string): Promise<TownView> {
    await importTown(this.#core, archive, origin);
    return this.describe();
  }

  metrics(): Promise<TownMetrics> {
    return townMetrics(this.#core);
  }

  /** A message of an earlier boot was refused. */
  noteFenced(): void {
    registry.noteFenced(this.#core.db);
  }

  // The directory: called only on the one object that keeps the list of towns

  enrol(town: string): void {
    registry.enrol(this.#core.db, town, Date.now());
  }

  strike(town: string): void {
    registry.strike(this.#core.db, town);
  }

  towns(): string[] {
    return registry.enrolled(this.#core.db);
  }

  // Boots and the container

  /** The newest boots with their recoveries, newest first. */
  boots(): BootRecord[] {
    registry.townRow(this.#core.db, this.#core.town);
    return listBoots(this.#core.db);
  }

  /** A boot makes itself known. Throws RelightError `stale_generation` to one that a later boot has replaced. */
  announce(announcement: told.Announcement, token: TokenOrigin): Promise<told.Standing> {
    return this.#vigil.announce(announcement, token);
  }

  heartbeat(heartbeat: told.Heartbeat, token: TokenOrigin): Promise<told.HeartbeatAnswer> {
    return this.#vigil.heartbeat(heartbeat, token);
  }

  /** Lets a message of the current life pass, by its own token. Throws RelightError `stale_generation`, `unauthorized`. */
  admit(life: Life, token: TokenOrigin): void {
    admitLife(this.#core.db, life);
    admitToken(this.#core.db, token, life.bootId);
  }

  /** The container is about to be started. Gives the name of the start. */
  beginStart(): string {
    return beginStart(this.#core.db);
  }

  /** A bead was slung: the container is wanted, even one that the operator stopped. Answers as `askForLight`. */
  async light(): Promise<Life | null> {
    registry.townRow(this.#core.db, this.#core.town);
    registry.updateTown(this.#core.db, { heldDown: false });
    return this.askForLight();
  }

  /** There is work. Gives the current life; null while there is none, and then the watchdog looks at once. */
  async askForLight(): Promise<Life | null> {
    const life = currentLife(this.#core.db);
    if (life === null) await this.#watchdog.wake();
    return life;
  }

  /** The operator starts, stops or kills the container. */
  act(action: ContainerAction['action']): Promise<void> {
    return this.#vigil.act(action);
  }

  /** The platform says that the container has stopped; it may say so while the container is being started again. */
  containerStopped(exitCode: number): Promise<void> {
    return this.#watchdog.takeExit(`exit code ${exitCode}`);
  }

  override async alarm(): Promise<void> {
    if (!registry.hasTown(this.#core.db)) return;
    await resumeRemovals(this.#core);
    await this.#watchdog.watch();
  }

  // Recoveries

  openRecovery(request: OpenRequest): Promise<Opened> {
    return this.#recoverer.open(request);
  }

  notePhase(recoveryId: string, rig: string, phase: Phase): void {
    recoveries.addPhase(this.#core.db, recoveryId, rig, phase, Date.now());
    this.#core.feed.publish({ kind: 'phase', recoveryId, rig, phase });
  }

  rigReported(message: told.RigReportMessage): Promise<void> {
    return this.#recoverer.rigReported(message);
  }

  rigFailed(recoveryId: string, life: Life, rig: string, fault: Fault): Promise<void> {
    return this.#recoverer.rigFailed(recoveryId, life, rig, fault);
  }

  closeRecovery(recoveryId: string): Recovery | null {
    return this.#recoverer.close(recoveryId);
  }

  /**
   * Replays a recovery by hand, of some rigs or all; a town without a container gets one instead. Starts that were held
   * back are let go: somebody has looked.
   */
  async replay(rigs: readonly string[] | null): Promise<{ recoveryId: string }> {
    for (const rig of rigs ?? []) this.#rigRow(rig);
    await this.#gate.release();
    return this.#vigil.replay(rigs);
  }

  /** The newest recoveries, newest first. */
  recoveries(): Recovery[] {
    registry.townRow(this.#core.db, this.#core.town);
    return recoveries.listRecoveries(this.#core.db);
  }

  /** One recovery, or the newest. Throws RelightError `unknown_recovery`. */
  recovery(recoveryId: string): Recovery {
    registry.townRow(this.#core.db, this.#core.town);
    const { db } = this.#core;
    const found =
      recoveryId === 'latest' ? recoveries.listRecoveries(db, 1)[0] : recoveries.findRecovery(db, recoveryId);
    if (!found) throw new RelightError('unknown_recovery', `the town has no recovery ${recoveryId}`);
    return found;
  }

  // The feed

  /** A Rig or Agent of the town tells of a change. */
  async publish(change: Change): Promise<void> {
    if (change.kind === 'rig') registry.noteRigState(this.#core.db, change.rig, change.state, change.fault);
    // Work went forward in this boot: its end, however soon, is no crash loop.
    if (change.kind === 'checkpoint' || change.kind === 'done')
      registry.updateTown(this.#core.db, { deaths: 0 });
    // A Rig that was cut off tells of a finished bead once more.
    if (change.kind === 'done' && this.#core.feed.has(change)) return;
    this.#core.feed.publish(change);
    if (change.kind === 'done') await this.#gate.noteHealthy(change.rig, change.agent);
  }

  /** How many agents of a rig are hooked; decides which Rigs hear of a heartbeat. */
  noteActive(rig: string, activeAgents: number): void {
    registry.noteActive(this.#core.db, rig, activeAgents);
  }

  /** The stream of server-sent events. */
  override fetch(request: Request): Response {
    registry.townRow(this.#core.db, this.#core.town);
    const last = Number.parseInt(request.headers.get('last-event-id') ?? '', 10);
    return new Response(this.#core.feed.stream(Number.isNaN(last) ? null : last), {
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
    });
  }

  #rigRow(rig: string): registry.RigRow {
    registry.townRow(this.#core.db, this.#core.town);
    return registry.rigRow(this.#core.db, rig);
  }
}
