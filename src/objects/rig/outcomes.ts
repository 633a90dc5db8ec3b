import { and, eq } from 'drizzle-orm';
import type { DoneMessage, ExitMessage, FinishingMessage } from '../../contract/callbacks.ts';
import type { AgentSighting } from '../../contract/control.ts';
import { faultOf, RelightError } from '../../contract/errors.ts';
import type { Fault } from '../../contract/errors.ts';
import { faultOfReport } from '../../contract/recovery.ts';
import type { AgentReport, RigReport } from '../../contract/recovery.ts';
import { elapsedMs } from '../../rules/clock.ts';
import {
  AGENT_QUIET_MS,
  HEALTHY_RUN_MS,
  infraBackoffMs,
  planAfterExit,
  restoreBackoffMs,
} from '../../rules/dispatch.ts';
import type { Database } from '../../tables/open.ts';
import { finished } from '../../tables/rig/schema.ts';
import { ownRow, updateOwn } from './life.ts';
import { activeRows, agentRow, agentRows, moveAgent, setAgent, unhookBead } from './roster.ts';
import type { AgentRow } from './roster.ts';

/** A sign of life is written down this often; in between it changes nothing that anybody reads. */
const SEEN_EVERY_MS = 20_000;

const REASON_CHARS = 300;

const QUIET_REASON = `runs, but has written nothing and changed no file for ${AGENT_QUIET_MS / 60_000} min; unhook it to end it`;

/** Takes a restore's report into rig and roster. An agent that was hooked to another bead meanwhile is left alone. */
export function takeReport(
  db: Database,
  rig: string,
  generation: number,
  report: RigReport,
  now: number,
): void {
  const fault = faultOfReport(report);
  if (report.status === 'failed' && fault !== null) {
    failRestore(db, rig, fault, now);
    return;
  }
  const files = report.agents.reduce((sum, agent) => sum + agent.files, 0);
  const next = nextRestore(db, rig, fault, now);
  updateOwn(db, { state: report.status, fault, restoringSince: null, files, ...next });
  for (const agentReport of report.agents) takeAgentReport(db, generation, agentReport, fault, now);
}

/** Takes it that worktrees are there while the rig is still being restored. */
export function takeReady(
  db: Database,
  generation: number,
  reports: readonly AgentReport[],
  now: number,
): void {
  for (const report of reports) takeAgentReport(db, generation, report, null, now);
}

/** How often the restore of the rig has failed in a row, and from when on it may be tried again. */
function nextRestore(db: Database, rig: string, fault: Fault | null, now: number) {
  if (fault === null) return { restoreTries: 0, restoreNotBefore: null };
  const restoreTries = ownRow(db, rig).restoreTries + 1;
  return {
    restoreTries,
    restoreNotBefore: fault.retryable ? now + restoreBackoffMs(restoreTries, Math.random()) : null,
  };
}

/**
 * An agent that runs has what it needs, whatever a restore says of its worktree: heartbeats decide. One that misses what
 * the whole rig misses waits for the rig, and is not given up for it.
 */
function takeAgentReport(
  db: Database,
  generation: number,
  report: AgentReport,
  ofRig: Fault | null,
  now: number,
): void {
  const row = activeRows(db).find(({ agent, bead }) => agent === report.agent && bead?.id === report.bead);
  if (row === undefined) return;
  const { fault } = report;
  if (fault === null) {
    setAgent(db, row.agent, { readyGeneration: generation, fault: null });
  } else if (fault.code === ofRig?.code) {
    moveAgent(db, row.agent, { from: ['pending'] }, { fault });
  } else if (fault.retryable) {
    const startTries = row.startTries + 1;
    const notBefore = now + restoreBackoffMs(startTries, Math.random());
    moveAgent(db, row.agent, { from: ['pending'] }, { fault, startTries, notBefore });
  } else {
    moveAgent(db, row.agent, { from: ['pending'] }, { fault, status: 'failed' });
  }
}

/**
 * The restore failed: the rig says so, and so does each agent that waits for it. A rig that has some of its agents in this
 * generation stays `partial`, and those go on.
 */
export function failRestore(db: Database, rig: string, fault: Fault, now: number): void {
  const { state, generation } = ownRow(db, rig);
  const failed = state === 'partial' ? 'partial' : 'failed';
  updateOwn(db, { state: failed, fault, restoringSince: null, ...nextRestore(db, rig, fault, now) });
  for (const { agent, readyGeneration } of agentRows(db)) {
    if (readyGeneration !== generation) moveAgent(db, agent, { from: ['pending'] }, { fault });
  }
}

/** An ended start. One that is not the agent's start in force was dealt with before. True if anything changed. */
export function takeExit(db: Database, { agent, startId, cause, exit }: ExitMessage, now: number): boolean {
  const row = agentRow(db, agent);
  if (row.startId !== startId) return false;
  const ended = { startId: null, lastExit: exit, startedAt: null };
  if (cause === 'spawn_failed') {
    const startTries = row.startTries + 1;
    const fault = faultOf('agent_spawn_failed', exit.tail.slice(-REASON_CHARS));
    // The worktree may be what is missing, so it is looked after before the next start.
    const retry = { startTries, readyGeneration: 0, notBefore: now + infraBackoffMs(startTries) };
    setAgent(db, agent, { ...ended, ...retry, status: 'pending', fault });
  } else if (cause === 'exited') {
    const fault = faultOf('agent_exited', exitReason(exit));
    setAgent(db, agent, { ...ended, ...planAfterExit(row.attempts, exit.ranMs, now), fault });
  } else {
    setAgent(db, agent, { ...ended, status: 'pending', notBefore: null });
  }
  return true;
}

function exitReason({ code, signal, ranMs, tail }: ExitMessage['exit']): string {
  const how = signal === null ? `code ${code ?? 'unknown'}` : `signal ${signal}`;
  const said = tail.trim().slice(-REASON_CHARS);
  return `ended with ${how} after ${Math.round(ranMs / 1000)} s${said === '' ? '' : `: ${said}`}`;
}

/** Records the bead as done and clears the hook; a repeated call finds its record. Throws `bead_not_hooked`. */
export function takeDone(db: Database, message: DoneMessage, now: number): 'finished' | 'repeated' {
  const { agent, bead, branch, head, prUrl, summary } = message;
  if (isFinished(db, agent, bead)) return 'repeated';
  requireHook(db, agent, bead);
  const done = { agent, bead, branch, head, prUrl, summary, doneAt: now };
  db.insert(finished)
    .values({ ...done, settled: false })
    .run();
  unhookBead(db, agent);
  return 'finished';
}

/** Keeps that the agent begins to finish its bead, or goes on with it. Throws `bead_not_hooked`. */
export function takeFinishing(db: Database, { agent, bead, finishing }: FinishingMessage): void {
  if (isFinished(db, agent, bead)) return;
  requireHook(db, agent, bead);
  setAgent(db, agent, { finishing });
}

function isFinished(db: Database, agent: string, bead: string): boolean {
  const own = and(eq(finished.agent, agent), eq(finished.bead, bead));
  return db.select().from(finished).where(own).get() !== undefined;
}

function requireHook(db: Database, agent: string, bead: string): void {
  if (agentRow(db, agent).bead?.id === bead) return;
  throw new RelightError('bead_not_hooked', `${bead} is not hooked to ${agent}`);
}

/** What a look at the running agents showed: agents that changed, and processes that must not run. */
export interface Sighted {
  readonly changed: readonly string[];
  readonly unwanted: readonly AgentSighting[];
}

/** Compares the roster with what the control server has. Its list is complete: who is not on it does not run. */
export function takeSightings(db: Database, sightings: readonly AgentSighting[], now: number): Sighted {
  const byAgent = new Map(sightings.map((sighting) => [sighting.agent, sighting]));
  const rows = agentRows(db);
  const changed = rows
    .filter((row) => takeSighting(db, row, byAgent.get(row.agent), now))
    .map(({ agent }) => agent);
  const beads = new Map(rows.map(({ agent, bead }) => [agent, bead?.id]));
  const unwanted = sightings.filter(
    ({ agent, bead, state }) => state !== 'exited' && beads.get(agent) !== bead,
  );
  return { changed, unwanted };
}

function takeSighting(db: Database, row: AgentRow, seen: AgentSighting | undefined, now: number): boolean {
  const { agent, status } = row;
  if (row.bead === null || status === 'failed') return false;
  if (seen === undefined || seen.bead !== row.bead.id) {
    // A start may still be on its way to the control server; a working agent that is not listed is gone.
    const isGone = status === 'working' || status === 'stalled';
    return (
      isGone &&
      moveAgent(db, agent, { from: [status] }, { status: 'pending', startId: null, notBefore: null })
    );
  }
  if (seen.state === 'exited') return false;
  const next = seen.state === 'running' ? runningStatus(row, seen, now) : status;
  if (next !== status || (seen.state === 'running' && row.startId !== seen.startId)) {
    const { startId, startedAt } = seen;
    const fault = next === 'stalled' ? faultOf('agent_silent', QUIET_REASON) : null;
    setAgent(db, agent, { status: next, startId, startedAt, lastSeenAt: now, fault, startTries: 0 });
    return true;
  }
  const riskChanged = row.atRisk?.code !== seen.atRisk?.code;
  if (riskChanged) setAgent(db, agent, { atRisk: seen.atRisk });
  const recovers = row.attempts > 0 && seen.state === 'running' && now - seen.startedAt >= HEALTHY_RUN_MS;
  if (recovers) setAgent(db, agent, { attempts: 0 });
  if (elapsedMs(row.lastSeenAt ?? 0, now) >= SEEN_EVERY_MS) setAgent(db, agent, { lastSeenAt: now });
  return riskChanged || recovers;
}

/** A running agent works, unless it has neither written anything nor changed a file for too long. */
function runningStatus(row: AgentRow, seen: AgentSighting, now: number): 'working' | 'stalled' {
  const active = Math.max(seen.startedAt, seen.wroteAt ?? 0, row.snapshot?.verifiedAt ?? 0);
  return now - active >= AGENT_QUIET_MS ? 'stalled' : 'working';
}
