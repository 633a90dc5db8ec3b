import type { AgentView, Checkpoint } from '../../src/contract/agent.ts';
import type { Recovery } from '../../src/contract/recovery.ts';
import type { RigView } from '../../src/contract/rig.ts';
import type { Removal, TownView } from '../../src/contract/town.ts';
import type { Style } from '../terminal.ts';
import { ago, because, bytes, duration, many } from '../words.ts';
import { recoveryLines } from './recovery.ts';
import { stateCell, stateText } from './states.ts';
import { table, type Cell } from './table.ts';

/** An agent of a town with what its own view does not have; `checkpoint` is its newest of this bead. */
export interface AgentFacts {
  readonly rig: string;
  readonly view: AgentView;
  readonly checkpoint: Pick<Checkpoint, 'seq' | 'at'> | null;
}

/** Everything that the screen of a town shows. */
export interface TownFacts {
  readonly town: TownView;
  readonly recovery: Recovery | null;
  readonly rigs: readonly RigView[];
  readonly agents: readonly AgentFacts[];
}

/** One town on one screen. */
export function townScreen({ town, recovery, rigs, agents }: TownFacts, now: number, style: Style): string[] {
  const head = (name: string): string => style('dim', name.padEnd(10));
  return [
    `${head('town')} ${style('bold', town.town)}  ${stateText(town.state, town.state, style)}: ${whyOf(town, now)}`,
    `${head('container')} ${containerOf(town, now)}`,
    ...(recovery === null
      ? [`${head('recovery')} none yet`]
      : recoveryLines(recovery, now, style).map((line, at) => `${head(at === 0 ? 'recovery' : '')} ${line}`)),
    ...under(rigTable(rigs, style)),
    ...under(agentTable(agents, now, style)),
  ];
}

const under = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', ...lines]);

/** Why the town is in its state, in words. */
export function whyOf({ state, fault, boot, nextStartAt }: TownView, now: number): string {
  const next =
    nextStartAt !== null && nextStartAt > now ? `; next start in ${duration(nextStartAt - now)}` : '';
  if (fault !== null) return `${because(fault)}${next}`;
  switch (state) {
    case 'dark':
      if (boot === null) return 'no container has run yet; a sling starts one';
      return `no container runs; the last ended${boot.endedAt === null ? '' : ` ${ago(boot.endedAt, now)}`}: ${boot.exit ?? 'nobody knows why'}${next}`;
    case 'starting':
      return `a container is coming up${next}`;
    case 'recovering':
      return 'a recovery runs';
    case 'lit':
      return 'all rigs are there';
    case 'degraded':
      return `not all is there${next}`;
  }
}

function containerOf({ boot, generation }: TownView, now: number): string {
  if (boot === null) return 'none';
  const { bootId, acceptedAt, lastHeartbeatAt, endedAt, disk } = boot;
  const name = `boot ${bootId.slice(0, 8)}, generation ${generation}`;
  if (endedAt !== null) return `none; ${name} ran for ${duration(endedAt - acceptedAt)}`;
  const heard = lastHeartbeatAt === null ? 'not heard yet' : `heard ${ago(lastHeartbeatAt, now)}`;
  const room = disk === null ? '' : `, ${bytes(disk.freeBytes)} of ${bytes(disk.totalBytes)} free`;
  return `${name}, up for ${duration(now - acceptedAt)}, ${heard}${room}`;
}

/** The rigs of a town. */
export function rigTable(rigs: readonly RigView[], style: Style): string[] {
  const rows = rigs.map(({ rig, state, agents, activeAgents, gitUrl, fault }) => [
    rig,
    stateCell(state, style),
    `${activeAgents} of ${many(agents, 'agent')}`,
    fault === null ? gitUrl : because(fault),
  ]);
  return table(['RIG', 'STATE', 'ACTIVE', 'GIT URL OR REASON'], rows, style);
}

/** Agents with their work and how safe it is. */
export function agentTable(agents: readonly AgentFacts[], now: number, style: Style): string[] {
  const heads = ['AGENT', 'STATUS', 'BEAD', 'BRANCH', 'ATTEMPTS', 'CHECKPOINT', 'SNAPSHOT', 'NOTE'];
  const rows = agents.map(({ rig, view, checkpoint }): Cell[] => [
    `${rig}/${view.agent}`,
    stateCell(view.status, style),
    view.bead?.id ?? '-',
    view.branch ?? '-',
    String(view.attempts),
    checkpoint === null ? '-' : `#${checkpoint.seq} ${ago(checkpoint.at, now)}`,
    view.snapshot === null ? '-' : ago(view.snapshot.at, now),
    noteOf(view, now, style),
  ]);
  return table(heads, rows, style);
}

function noteOf({ atRisk, fault, notBefore, bead }: AgentView, now: number, style: Style): string {
  if (atRisk !== null) return style('red', `at risk: ${because(atRisk)}`);
  const again = notBefore !== null && notBefore > now ? `again in ${duration(notBefore - now)}: ` : '';
  return fault === null ? `${again}${bead?.title ?? ''}` : `${again}${because(fault)}`;
}

/** What is left of a town or rig that was removed. */
export function leftLines({ left }: Removal): string[] {
  return left.map(
    ({ rig, fault }) =>
      `snapshots may be left on the remote of ${rig}: ${fault.reason} (${fault.code}); \`git ls-remote\` shows them`,
  );
}
