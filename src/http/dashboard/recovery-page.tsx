import type { Recovery } from '../../contract/recovery.ts';
import type { BootRecord } from '../../contract/town.ts';
import { shortId } from './history.tsx';
import { Page } from './layout.tsx';
import { Ago, State, Why } from './parts.tsx';
import { timelineOf } from './timeline.ts';
import { Legend, Waterfall } from './waterfall.tsx';
import { duration } from './words.ts';

interface RecoveryPageProps {
  readonly operator: string;
  readonly town: string;
  readonly recovery: Recovery;
  /** Another one on the same scale; null where none was chosen. */
  readonly other: Recovery | null;
  readonly boots: readonly BootRecord[];
  readonly now: number;
}

/** One recovery, alone or beside another, with every phase in figures. */
export function RecoveryPage({ operator, town, recovery, other, boots, now }: RecoveryPageProps) {
  const both = other === null ? [recovery] : [recovery, other];
  const spanMs = Math.max(...both.map((each) => timelineOf(each, now).spanMs));
  const { recoveryId } = recovery;
  const isRunning = both.some(({ status }) => status === 'running');
  const live = { everyMs: isRunning ? 1_000 : 60_000, changes: `/towns/${town}/live` };
  return (
    <Page
      title={`${shortId(recoveryId)} of ${town}`}
      operator={operator}
      crumbs={[
        { name: town, href: `/towns/${town}` },
        { name: shortId(recoveryId), href: `/towns/${town}/recoveries/${recoveryId}` },
      ]}
      live={live}
    >
      {both.map((each, index) => (
        <section aria-labelledby={`recovery-${index}`}>
          <RecoveryHead
            id={`recovery-${index}`}
            level={1}
            town={town}
            recovery={each}
            now={now}
            isLink={index > 0}
          />
          <Waterfall recovery={each} now={now} spanMs={spanMs} />
        </section>
      ))}
      <Legend />
      <Choice recovery={recovery} other={other} boots={boots} />
      <Phases recovery={recovery} />
    </Page>
  );
}

interface HeadProps {
  readonly id: string;
  readonly town: string;
  readonly recovery: Recovery;
  readonly now: number;
  readonly isLink: boolean;
  readonly level?: 1 | 2;
}

/** Which recovery it is, how it ended, and how long it took. */
export function RecoveryHead({ id, town, recovery, now, isLink, level = 2 }: HeadProps) {
  const { recoveryId, generation, trigger, status, startedAt, finishedAt, overheadMs, fault } = recovery;
  const Heading = level === 1 ? 'h1' : 'h2';
  const name = `Recovery of generation ${generation}`;
  const took = duration((finishedAt ?? now) - startedAt);
  return (
    <>
      <div class="head">
        <Heading id={id}>
          {isLink ? <a href={`/towns/${town}/recoveries/${recoveryId}`}>{name}</a> : name}
        </Heading>
        <State state={status} />
        <p>
          {finishedAt === null ? `for ${took} so far` : `after ${took}`}
          {overheadMs !== null && `, ${duration(overheadMs)} of it neither git nor set-up`} ·{' '}
          {{ boot: 'by its boot', watchdog: 'by the watchdog', replay: 'replayed by hand' }[trigger]} ·{' '}
          <Ago at={startedAt} now={now} />
        </p>
      </div>
      {fault !== null && (
        <p>
          <Why fault={fault} />
        </p>
      )}
    </>
  );
}

function Choice({ recovery, other, boots }: Pick<RecoveryPageProps, 'recovery' | 'other' | 'boots'>) {
  const others = boots
    .flatMap(({ recoveries }) => recoveries)
    .filter(({ recoveryId }) => recoveryId !== recovery.recoveryId);
  if (others.length === 0) return null;
  return (
    <form class="choice" method="get" data-keep>
      <label for="with">Compare with</label>
      <select id="with" name="with">
        {others.map(({ recoveryId, generation, startedAt, finishedAt }) => (
          <option value={recoveryId} selected={recoveryId === other?.recoveryId}>
            {`generation ${generation}, ${shortId(recoveryId)}, ${finishedAt === null ? 'not over' : duration(finishedAt - startedAt)}`}
          </option>
        ))}
      </select>
      <button>Compare</button>
    </form>
  );
}

function Phases({ recovery }: { recovery: Recovery }) {
  const phases = recovery.rigs.flatMap(({ rig, phases }) => phases.map((phase) => ({ rig, ...phase })));
  if (phases.length === 0) return null;
  return (
    <details id="phases">
      <summary>All phases in figures</summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Rig</th>
              <th scope="col">Agent</th>
              <th scope="col">Phase</th>
              <th scope="col">Time went to</th>
              <th scope="col" class="number">
                Began after
              </th>
              <th scope="col" class="number">
                Took
              </th>
              <th scope="col">How it went</th>
            </tr>
          </thead>
          <tbody>
            {phases
              .toSorted((a, b) => a.startedAt - b.startedAt)
              .map(({ rig, agent, name, work, startedAt, ms, ok, detail }) => (
                <tr>
                  <td>{rig}</td>
                  <td>{agent ?? ''}</td>
                  <td>{name}</td>
                  <td>{work}</td>
                  <td class="number">{duration(Math.max(0, startedAt - recovery.startedAt))}</td>
                  <td class="number">{duration(ms)}</td>
                  <td class="wide">
                    {!ok && <State state="failed" />} {detail}
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
