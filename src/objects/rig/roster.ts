import { and, asc, count, eq, inArray, isNotNull, ne } from 'drizzle-orm';
import type { AgentSpec, AgentStatus, AgentView, Sling } from '../../contract/agent.ts';
import type { AgentArchive } from '../../contract/archive.ts';
import type { AgentGlance } from '../../contract/changes.ts';
import type { RosterTally } from '../../contract/metrics.ts';
import { RelightError } from '../../contract/errors.ts';
import { defaultBranchFor } from '../../rules/branch.ts';
import { agents, finished } from '../../tables/rig/schema.ts';
import type { Database } from '../../tables/open.ts';

export type AgentRow = typeof agents.$inferSelect;
/** An agent of an archive, without what its own object keeps. */
export type RosterArchive = Omit<AgentArchive, 'checkpoints'>;
export type AgentChange = Partial<Omit<AgentRow, 'agent'>>;

/** What a row looks like when no bead is hooked. */
const UNHOOKED = {
  status: 'idle',
  bead: null,
  branch: null,
  hookedAt: null,
  startId: null,
  readyGeneration: 0,
  attempts: 0,
  startTries: 0,
  notBefore: null,
  startedAt: null,
  lastSeenAt: null,
  fault: null,
  snapshot: null,
  atRisk: null,
  finishing: null,
} as const satisfies AgentChange;

/** One agent. Throws RelightError `unknown_agent`. */
export function agentRow(db: Database, agent: string): AgentRow {
  const row = db.select().from(agents).where(eq(agents.agent, agent)).get();
  if (row === undefined) throw new RelightError('unknown_agent', `the rig has no agent ${agent}`);
  return row;
}

/** The whole roster, by name. */
export function agentRows(db: Database): AgentRow[] {
  return db.select().from(agents).orderBy(asc(agents.agent)).all();
}

/** The agents whose work has to be there: hooked, and not given up. */
export function activeRows(db: Database): AgentRow[] {
  return db
    .select()
    .from(agents)
    .where(and(isNotNull(agents.bead), ne(agents.status, 'failed')))
    .orderBy(asc(agents.hookedAt))
    .all();
}

/** Adds the agent or changes what the operator set on it. */
export function putAgent(db: Database, agent: string, spec: AgentSpec): void {
  db.insert(agents)
    .values({ agent, ...spec })
    .onConflictDoUpdate({ target: agents.agent, set: spec })
    .run();
}

export function removeAgent(db: Database, agent: string): void {
  db.delete(agents).where(eq(agents.agent, agent)).run();
}

/** Changes the agent whatever its state. */
export function setAgent(db: Database, agent: string, change: AgentChange): void {
  db.update(agents).set(change).where(eq(agents.agent, agent)).run();
}

/**
 * Changes the agent only if it still is in one of the states `from` and, where `startId` is given, in that start: what
 * was read before a network call may be over by now. True if it was changed.
 */
export function moveAgent(
  db: Database,
  agent: string,
  expected: { readonly from: readonly AgentStatus[]; readonly startId?: string },
  change: AgentChange,
): boolean {
  const { from, startId } = expected;
  const moved = db
    .update(agents)
    .set(change)
    .where(
      and(
        eq(agents.agent, agent),
        inArray(agents.status, [...from]),
        startId === undefined ? undefined : eq(agents.startId, startId),
      ),
    )
    .returning({ agent: agents.agent })
    .all();
  return moved.length > 0;
}

/**
 * Binds the bead to the agent, on its branch. The same bead again resumes an agent that was given up. Throws RelightError
 * `agent_busy` or `branch_taken`.
 */
export function hookBead(db: Database, agent: string, sling: Sling, now: number): void {
  const { bead } = sling;
  const row = agentRow(db, agent);
  const stored = row.bead?.id === bead.id ? row.branch : null;
  const branch = sling.branch ?? stored ?? defaultBranchFor(agent, bead.id);
  if (row.bead !== null && row.bead.id !== bead.id) {
    throw new RelightError('agent_busy', `${agent} is hooked to ${row.bead.id}; unhook it first`);
  }
  const rival = db
    .select()
    .from(agents)
    .where(and(eq(agents.branch, branch), ne(agents.agent, agent)))
    .get();
  if (rival !== undefined) throw new RelightError('branch_taken', `${rival.agent} works on ${branch}`);
  db.delete(finished)
    .where(and(eq(finished.agent, agent), eq(finished.bead, bead.id)))
    .run();
  if (row.bead === null) {
    setAgent(db, agent, { ...UNHOOKED, status: 'pending', bead, branch, hookedAt: now });
  } else if (row.status === 'failed') {
    setAgent(db, agent, { ...UNHOOKED, status: 'pending', bead, branch: row.branch, hookedAt: row.hookedAt });
  } else {
    setAgent(db, agent, { bead });
  }
}

/** Lets an agent that failed for what it was set up with, and not for what it did, have another try. True if it did. */
export function resumeIfMisconfigured(db: Database, agent: string): boolean {
  const { status, fault } = agentRow(db, agent);
  if (status !== 'failed' || fault === null || fault.retryable) return false;
  return moveAgent(db, agent, { from: ['failed'] }, { status: 'pending', fault: null, notBefore: null });
}

/** Takes the bead from the agent. */
export function unhookBead(db: Database, agent: string): void {
  setAgent(db, agent, UNHOOKED);
}

/** The agent as the operator sees it. */
export function viewAgent(row: AgentRow): AgentView {
  const { hookedAt: _h, readyGeneration: _r, startId: _s, startTries: _t, finishing: _f, ...view } = row;
  return view;
}

/** The agent as the feed shows it. */
export function glanceAt(row: AgentRow): AgentGlance {
  const { lastExit: _, bead, ...view } = viewAgent(row);
  return { ...view, bead: bead?.id ?? null };
}

/** How many agents there are in each status, and how many whose work is at risk. */
export function tally(db: Database): RosterTally {
  const { status, atRisk } = agents;
  const rows = db
    .select({ status, n: count(), atRisk: count(atRisk) })
    .from(agents)
    .groupBy(status)
    .all();
  return {
    agents: Object.fromEntries(rows.map((row) => [row.status, row.n])),
    atRisk: rows.reduce((sum, row) => sum + row.atRisk, 0),
  };
}

/** The roster as an archive has it: oldest beads first. */
export function archive(db: Database): RosterArchive[] {
  const rows = db.select().from(agents).orderBy(asc(agents.hookedAt), asc(agents.agent)).all();
  return rows.map(({ agent, role, baseBranch, agentCommand, bead, branch }) => {
    return { agent, role, baseBranch, agentCommand, bead, branch };
  });
}

/** Takes a roster in the place of what there is; whoever has a bead is pending. */
export function adopt(db: Database, roster: readonly RosterArchive[], now: number): void {
  db.transaction((tx) => {
    tx.delete(agents).run();
    for (const [n, { agent, role, baseBranch, agentCommand, bead, branch }] of roster.entries()) {
      const hooked = bead === null ? {} : ({ status: 'pending', hookedAt: now + n } as const);
      tx.insert(agents)
        .values({ agent, role, baseBranch, agentCommand, bead, branch, ...hooked })
        .run();
    }
  });
}
