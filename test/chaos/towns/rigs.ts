import type { Recovery, RecoveryRig } from '../../../src/contract/recovery.ts';
import { overheadMs } from '../../../src/rules/overhead.ts';
import type { TrialEvidence, Violation } from './violations.ts';

/** What Relight itself may need, on a busy machine, to bring a rig back and start its agents. */
const OWN_WORK_MS = 8_000;
/** What was lost or refused in a fault that the boot survives is tried again, or missed, some time after its end. */
const AFTERMATH_MS = 15_000;

/**
 * Looks at each rig that came back while another was in trouble: where nothing else befell it, it waited for nobody. The
 * time in which its own git or setup runs is its own.
 */
export function judgeRigs(evidence: TrialEvidence): Violation[] {
  // Phases are told by the container's clock.
  if (evidence.deeds.wrongClock) return [];
  return evidence.recoveries.flatMap((recovery) =>
    recovery.rigs.filter((rig) => isWell(rig)).flatMap((rig) => judgeRig(recovery, rig, evidence)),
  );
}

function judgeRig(recovery: Recovery, { rig, phases, agents }: RecoveryRig, evidence: TrialEvidence) {
  const { startedAt, generation, trigger } = recovery;
  const changes = evidence.feed.filter(({ at }) => at >= startedAt);
  const readyAt = changes.find(
    ({ change }) => change.kind === 'rig' && change.rig === rig && change.state === 'ready',
  )?.at;
  if (readyAt === undefined || trigger === 'replay') return [];
  const patient = agents.filter(({ agent }) => !evidence.deeds.killedAgents.includes(`${rig}-${agent}`));
  const startedAts = patient.flatMap(({ agent }) => {
    const start = changes.find(
      ({ change }) =>
        change.kind === 'agent' &&
        change.rig === rig &&
        change.agent.agent === agent &&
        change.agent.generation === generation &&
        (change.agent.status === 'starting' || change.agent.status === 'working'),
    );
    return start === undefined ? [] : [start.at];
  });
  const upAt = Math.max(readyAt, ...startedAts);
  const waitedMs = overheadMs(startedAt, upAt, phases);
  const isHeldBack = waitedMs > OWN_WORK_MS && !isStruck(evidence, rig, startedAt, upAt);
  const others = recovery.rigs.filter((other) => other.rig !== rig);
  const inTrouble = others.filter(
    (other) => !isWell(other) || evidence.blows.some(({ rigs }) => rigs?.includes(other.rig) === true),
  );
  if (!isHeldBack || inTrouble.length === 0) return [];
  const names = inTrouble.map((other) => other.rig).join(', ');
  const seen = `${rig} waited ${waitedMs} ms in ${recovery.recoveryId}, with trouble in ${names}`;
  return [{ invariant: 'one rig never holds the others back', seen }];
}

function isWell({ status, fault, phases }: RecoveryRig): boolean {
  return status === 'ready' && fault === null && phases.every(({ ok }) => ok);
}

/** Whether anything befell the rig, or the town, between two times or so shortly before that it may be felt. */
function isStruck({ blows }: TrialEvidence, rig: string, from: number, to: number): boolean {
  return blows.some(({ rigs, endsBoot, at, endedAt }) => {
    const isOthers = rigs !== null && !rigs.includes(rig);
    const feltUntil = (endedAt ?? at) + (endsBoot && endedAt !== null ? 0 : AFTERMATH_MS);
    return !isOthers && at < to && feltUntil > from;
  });
}
