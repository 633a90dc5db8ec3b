import { z } from 'zod';
import type { FeedEntry } from '../../src/contract/changes.ts';
import { Recovery, RecoveryId } from '../../src/contract/recovery.ts';
import { follow } from '../events.ts';
import { EXIT, type ExitCode, Failure } from '../failure.ts';
import { apiPath, townOf } from '../places.ts';
import { changeLine } from '../screens/change.ts';
import { recoveryLines, recoveryScreen, recoveryTable } from '../screens/recovery.ts';
import { type Session, show, type Task, tell } from '../session.ts';
import { findRecovery } from './read-town.ts';

/** `relight recovery ls TOWN` */
export const list: Task = async (session, _, argument: string) => {
  const path = `${apiPath`/api/towns/${townOf(argument)}`}/recoveries`;
  const answer = await session.api.get(z.object({ recoveries: z.array(Recovery) }), path);
  show(session, answer, ({ recoveries }) => recoveryTable(recoveries, Date.now(), session.terminal.style));
};

/** `relight recovery show TOWN [ID]` */
export const details: Task = async (session, _, argument: string, id = 'latest') => {
  const answer = await session.api.get(Recovery, apiPath`/api/towns/${townOf(argument)}/recoveries/${id}`);
  show(session, answer, (recovery) => recoveryScreen(recovery, Date.now(), session.terminal.style));
};

const OUTCOMES: Readonly<Record<Exclude<Recovery['status'], 'running'>, ExitCode>> = {
  complete: EXIT.ok,
  partial: EXIT.partial,
  failed: EXIT.failed,
  superseded: EXIT.failed,
};

/** `relight replay TOWN [--rig RIG]… [--watch]`: watched, its exit code tells how the recovery ended. */
export const replay: Task<{ rig?: string[]; watch?: true }> = async (
  session,
  { rig, watch },
  argument: string,
) => {
  const town = townOf(argument);
  const body = rig === undefined ? {} : { rigs: rig };
  const ask = async () =>
    await session.api.call(
      z.object({ recoveryId: RecoveryId }),
      'POST',
      `${apiPath`/api/towns/${town}`}/recoveries`,
      body,
    );
  if (watch === true) return await watchReplay(session, town, ask);
  const answer = await ask();
  tell(
    session,
    answer.text,
    `${answer.value.recoveryId} is asked for; relight recovery show ${town} shows it`,
  );
};

async function watchReplay(
  { api, terminal, options, interrupted }: Session,
  town: string,
  ask: () => Promise<{ value: { recoveryId: string } }>,
): Promise<ExitCode> {
  const isLive = terminal.isLive && options.json !== true;
  let recoveryId: string | null = null;
  // The stream is open before the recovery is asked for, so that nothing of it is missed.
  for await (const news of follow(api, town, interrupted)) {
    if (news.kind === 'broken') terminal.say(`${news.reason}; trying again`);
    if (news.kind === 'change' && !isLive && options.json !== true && isOf(recoveryId, news.entry))
      terminal.print(changeLine(news.entry, terminal.style));
    if (!isWorthALook(news.kind === 'change' ? news.entry : null, isLive) && news.kind !== 'open') continue;
    recoveryId ??= (await ask()).value.recoveryId;
    const found = await findRecovery(api, town, recoveryId);
    if (found === null) continue;
    const { status } = found.value;
    const lines = (): string[] => recoveryLines(found.value, Date.now(), terminal.style);
    if (isLive) terminal.draw(lines());
    if (status === 'running') continue;
    if (options.json === true) terminal.print(found.text);
    else if (!isLive) terminal.print(...lines());
    return OUTCOMES[status];
  }
  throw new Failure(EXIT.failed, 'the watch was ended (interrupted); the recovery goes on without it');
}

/** Whether a change is one of this recovery that a reader wants to see. */
function isOf(recoveryId: string | null, entry: FeedEntry | null): entry is FeedEntry {
  if (entry === null || recoveryId === null) return false;
  const { change } = entry;
  return (change.kind === 'phase' || change.kind === 'recovery') && change.recoveryId === recoveryId;
}

/** Whether the recovery may have ended with the change, or looks different on a terminal. */
function isWorthALook(entry: FeedEntry | null, isLive: boolean): boolean {
  return entry !== null && (entry.change.kind === 'recovery' || (isLive && entry.change.kind === 'phase'));
}
