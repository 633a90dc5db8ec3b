import { DurableObject } from 'cloudflare:workers';
import type * as told from '../contract/callbacks.ts';
import type { AgentSpec, AgentView, LogPart, LogPlace, Sling } from '../contract/agent.ts';
import type { AgentSighting } from '../contract/control.ts';
import type { RosterTally } from '../contract/metrics.ts';
import type { Fault } from '../contract/errors.ts';
import type { Life } from '../contract/ids.ts';
import type { RigReport } from '../contract/recovery.ts';
import type { RigView } from '../contract/rig.ts';
import type { Snapshot } from '../contract/snapshot.ts';
import { PATROL_INTERVAL_MS } from '../rules/dispatch.ts';
import type { StoredCache } from '../rules/repo-cache.ts';
import { openDatabase } from '../tables/open.ts';
import { agentOf, partsOfName, townOf } from './reach.ts';
import * as caches from './rig/caches.ts';
import { Dispatcher, type RestoreOccasion } from './rig/dispatcher.ts';
import type { RigCore } from './rig/core.ts';
import { Herald } from './rig/herald.ts';
import { Patrol } from './rig/patrol.ts';
import { settle } from './rig/aftermath.ts';
import { eraseRig } from './rig/erasure.ts';
import { keepReports } from './rig/keep-reports.ts';
import * as lives from './rig/life.ts';
import * as outcomes from './rig/outcomes.ts';
import * as roster from './rig/roster.ts';
import type { CompleteSpec } from './town/view.ts';
import { forgetSnapshots, noteSnapshot } from './rig/snapshots.ts';
import { type RestoreState, verdictOf } from './verdicts.ts';

/** One rig: the roster of its agents and how it stands in this generation. Its alarm dispatches and patrols. */
export class Rig extends DurableObject<Env> {
  readonly #core: RigCore;
  readonly #dispatcher: Dispatcher;
  readonly #herald: Herald;
  readonly #patrol: Patrol;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { town, rig } = partsOfName(ctx);
    this.#core = { town, rig, env, ctx, db: openDatabase(ctx, 'rig') };
    this.#dispatcher = new Dispatcher(this.#core);
    this.#herald = new Herald(this.#core);
    this.#patrol = new Patrol(this.#core, {
      dispatcher: this.#dispatcher,
      herald: this.#herald,
      restore: (life) => this.restore(life, { recoveryId: null, event: null }),
      takeSightings: (life, sightings) => this.heartbeat(life, sightings),
    });
  }

  // The roster

  register(): void {
    lives.register(this.#core.db, this.#core.rig);
  }

  roster(): roster.RosterArchive[] {
    return roster.archive(this.#core.db);
  }

  tally(): RosterTally {
    return roster.tally(this.#core.db);
  }

  /** Takes the roster of an archive in the place of its own. */
  adopt(agents: readonly roster.RosterArchive[]): void {
    this.register();
    roster.adopt(this.#core.db, agents, Date.now());
  }

  /** The operator registered the rig, or changed it: one that was given up is tried once more. */
  async retry(): Promise<void> {
    lives.forgive(this.#core.db, this.#core.rig);
    await this.#patrol.wakeAt(Date.now());
  }

  /** How the rig stands, and how many agents it has. */
  standing(): Pick<RigView, 'state' | 'fault' | 'heldUntil' | 'generation' | 'agents' | 'activeAgents'> {
    const { state, fault, heldUntil, generation } = this.#own();
    const agents = roster.agentRows(this.#core.db).length;
    return { state, fault, heldUntil, generation, agents, activeAgents: this.activeAgents() };
  }

  activeAgents(): number {
    return roster.activeRows(this.#core.db).length;
  }

  /** The operator added the agent, or changed it: one that failed for what it was set up with is tried once more. */
  async putAgent(agent: string, spec: AgentSpec): Promise<AgentView> {
    this.#own();
    roster.putAgent(this.#core.db, agent, spec);
    if (roster.resumeIfMisconfigured(this.#core.db, agent)) {
      await this.#patrol.wakeAt(Date.now());
      await this.#herald.noteActive();
    }
    this.#herald.tellAgent(agent);
    return this.agent(agent);
  }

  agents(): AgentView[] {
    this.#own();
    return roster.agentRows(this.#core.db).map(roster.viewAgent);
  }

  /** One agent. Throws RelightError `unknown_rig` or `unknown_agent`. */
  agent(agent: string): AgentView {
    this.#own();
    return roster.viewAgent(roster.agentRow(this.#core.db, agent));
  }

  async removeAgent(agent: string): Promise<void> {
    await this.unhook(agent);
    await agentOf(this.env, this.#core.town, this.#core.rig, agent).erase();
    // Last: a removal that is cut off is found again.
    roster.removeAgent(this.#core.db, agent);
  }

  /** Slings a bead: binds it to the agent and sees to it that the agent runs. */
  async hook(agent: string, { bead, branch }: Sling): Promise<AgentView> {
    this.#own();
    roster.hookBead(this.#core.db, agent, { bead, branch }, Date.now());
    // Somebody wants work done, so a rig that was given up is tried once more.
    lives.forgive(this.#core.db, this.#core.rig);
    this.#herald.tellAgent(agent);
    // Before the Town is asked: a sling that is cut off here is dispatched all the same.
    await this.#patrol.wakeAt(Date.now() + PATROL_INTERVAL_MS);
    await this.#herald.noteActive();
    const life = await townOf(this.env, this.#core.town).light();
    if (life !== null) this.#admit(life);
    await this.#patrol.wakeAt(Date.now());
    return this.agent(agent);
  }

  async unhook(agent: string): Promise<void> {
    const own = this.#own();
    if (roster.agentRow(this.#core.db, agent).bead === null) return;
    roster.unhookBead(this.#core.db, agent);
    await forgetSnapshots(this.#core, agent);
    this.#herald.tellAgent(agent);
    await this.#herald.noteActive();
    const life = lives.lifeOf(own);
    if (life !== null) await this.#dispatcher.stop(agent, life);
  }

  log(agent: string): Promise<string> {
    return this.#dispatcher.log(agent, lives.lifeOf(this.#own()));
  }

  logAfter(agent: string, place: LogPlace): Promise<LogPart> {
    return this.#dispatcher.logAfter(agent, place, lives.lifeOf(this.#own()));
  }

  /** Ends what runs and deletes all; gives why refs may be left on the remote. A process that cannot be told now is ended after its next heartbeat. */
  erase(spec: CompleteSpec): Promise<Fault | null> {
    return eraseRig(this.#core, spec, (agent) => this.removeAgent(agent));
  }

  // Generations and restores

  /** Moves the rig into the generation; gives the number of agents whose worktrees have to be there. */
  async enterGeneration(life: Life): Promise<number> {
    const { db, rig } = this.#core;
    if (lives.enterGeneration(db, rig, life, Date.now(), true)) this.#herald.tellAll();
    lives.admit(db, rig, life, Date.now());
    await this.#herald.noteActive();
    return this.activeAgents();
  }

  leaveGeneration(life: Life): void {
    if (lives.leaveGeneration(this.#core.db, this.#core.rig, life)) this.#herald.tellAll();
  }

  /** Asks the control server to bring the rig back; safe to repeat. A report that is there already is taken at once. */
  async restore(life: Life, occasion: RestoreOccasion): Promise<RestoreState> {
    const { db, rig, town } = this.#core;
    lives.admit(db, rig, life, Date.now());
    const answer = await this.#dispatcher.restore(life, occasion);
    if (answer.state === 'restoring') {
      this.#herald.tellRig();
      return answer;
    }
    const { report } = answer;
    await townOf(this.env, town).rigReported({ life, recoveryId: occasion.recoveryId, event: null, report });
    return { state: 'reported', ...verdictOf(report) };
  }

  /** Takes a restore's report into the roster, and lets each Agent keep what was brought back for it. */
  async reported(life: Life, recoveryId: string | null, report: RigReport): Promise<void> {
    const { db, rig } = this.#core;
    const now = Date.now();
    lives.admit(db, rig, life, now);
    await keepReports(this.#core, { recoveryId, generation: life.generation }, report.agents);
    outcomes.takeReport(db, rig, life.generation, report, now);
    if (report.cache !== undefined) await caches.takeOutcome(this.#core, report.cache);
    this.#herald.tellAll();
    // In a recovery the Workflow wakes the rig; outside one nobody else would.
    await this.#patrol.wakeAt(recoveryId === null ? now : now + PATROL_INTERVAL_MS);
  }

  /** Dispatches agents whose worktrees are there, without waiting for the others. */
  async agentsReady({ life, recoveryId, agents }: told.AgentsReadyMessage): Promise<void> {
    this.#admit(life);
    await keepReports(this.#core, { recoveryId, generation: life.generation }, agents);
    outcomes.takeReady(this.#core.db, life.generation, agents, Date.now());
    for (const { agent } of agents) this.#herald.tellAgent(agent);
    await this.#patrol.wakeAt(Date.now());
  }

  async restoreFailed(life: Life, fault: Fault): Promise<void> {
    this.#admit(life);
    outcomes.failRestore(this.#core.db, this.#core.rig, fault, Date.now());
    this.#herald.tellAll();
    await this.#patrol.wakeAt(Date.now());
  }

  /** The town starts agents again. */
  async release(): Promise<void> {
    lives.updateOwn(this.#core.db, { heldUntil: null });
    this.#herald.tellRig();
    await this.#patrol.wakeAt(Date.now());
  }

  /** Sets the alarm that dispatches the pending agents. */
  async wake(life: Life): Promise<void> {
    this.#admit(life);
    await this.#patrol.wakeAt(Date.now());
  }

  // What the container tells of agents

  async heartbeat(life: Life, sightings: readonly AgentSighting[]): Promise<void> {
    this.#admit(life);
    const { changed, unwanted } = outcomes.takeSightings(this.#core.db, sightings, Date.now());
    for (const agent of changed) this.#herald.tellAgent(agent);
    if (changed.length > 0) await this.#patrol.wakeAt(Date.now());
    await Promise.all(unwanted.map(({ agent }) => this.#dispatcher.stop(agent, life)));
  }

  async exited(message: told.ExitMessage): Promise<void> {
    this.#admit(message.life);
    if (!outcomes.takeExit(this.#core.db, message, Date.now())) return;
    this.#herald.tellAgent(message.agent);
    await this.#patrol.wakeAt(Date.now());
    if (message.cause === 'exited') await this.#herald.tellAttemptFailed(message.agent, message.bead);
    await this.#herald.noteActive();
  }

  /** The agent begins to finish its bead, or goes on with it after all. Throws RelightError `bead_not_hooked`. */
  noteFinishing(message: told.FinishingMessage): void {
    this.#admit(message.life);
    outcomes.takeFinishing(this.#core.db, message);
  }

  /** The bead is finished: its record is kept and the hook cleared, in one step. Safe to repeat. */
  async done(message: told.DoneMessage): Promise<void> {
    this.#admit(message.life);
    // What is cut off from here on, the alarm goes on with.
    await this.#patrol.wakeAt(Date.now() + PATROL_INTERVAL_MS);
    if (outcomes.takeDone(this.#core.db, message, Date.now()) === 'repeated') return;
    await settle(this.#core);
    this.#herald.tellAgent(message.agent);
    await this.#herald.noteActive();
  }

  /** The bead an agent is hooked to. Throws RelightError `stale_generation` where `life` is given and over. */
  hookOf(agent: string, life: Life | null): AgentView {
    if (life !== null) this.#admit(life);
    return this.agent(agent);
  }

  /** The agent's newest snapshot is stored and verified. */
  noteSnapshot(agent: string, stored: Snapshot): void {
    this.#herald.tell(noteSnapshot(this.#core, agent, stored));
  }

  recordCache(life: Life, stored: StoredCache): Promise<void> {
    return caches.recordCache(this.#core, life, stored);
  }

  cacheKey(life: Life, sha256: string): string {
    return caches.cacheKey(this.#core, life, sha256);
  }

  /** Snapshots the agent's worktree now. Throws RelightError `no_hook`, `container_not_running` … */
  takeSnapshot(agent: string): Promise<void> {
    return this.#dispatcher.snapshot(agent, lives.lifeOf(this.#own()));
  }

  override alarm(): Promise<void> {
    return this.#patrol.run();
  }

  #admit(life: Life): void {
    lives.admit(this.#core.db, this.#core.rig, life, Date.now());
  }

  #own(): lives.RigRow {
    return lives.ownRow(this.#core.db, this.#core.rig);
  }
}
