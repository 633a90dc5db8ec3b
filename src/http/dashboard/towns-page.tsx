import type { Fault } from '../../contract/errors.ts';
import type { BootRecord, TownView } from '../../contract/town.ts';
import { Page } from './layout.tsx';
import type { Notice } from './layout.tsx';
import { Ago, State, Why } from './parts.tsx';
import { count, duration, whyOf } from './words.ts';

/** A town of the list, or why nothing is known of it. */
export type ListedTown =
  | { readonly town: string; readonly view: TownView; readonly boots: readonly BootRecord[] }
  | { readonly town: string; readonly unread: Fault };

interface TownsPageProps {
  readonly operator: string;
  readonly notice: Notice | null;
  readonly towns: readonly ListedTown[];
  /** Where the list goes on; null at its end. */
  readonly next: string | null;
  readonly now: number;
}

/** All towns, how they stand and why. */
export function TownsPage({ operator, notice, towns, next, now }: TownsPageProps) {
  return (
    <Page title="Towns" operator={operator} notice={notice} live={{ everyMs: 4_000 }}>
      <div class="head">
        <h1>Towns</h1>
        <p>{towns.length === 0 ? 'There is none yet.' : count(towns.length, 'town')}</p>
      </div>
      {towns.length === 0 ? <FirstTown /> : <List towns={towns} now={now} />}
      {next !== null && <a href={`/?after=${encodeURIComponent(next)}`}>Further towns</a>}
    </Page>
  );
}

function FirstTown() {
  return (
    <p>
      A town is made by the API: <code>PUT /api/towns/home</code>, then a rig and an agent. It comes to light
      with the first bead that is slung.
    </p>
  );
}

function List({ towns, now }: { towns: readonly ListedTown[]; now: number }) {
  return (
    <div class="scroll">
      <table class="towns">
        <thead>
          <tr>
            <th scope="col">Town</th>
            <th scope="col">State</th>
            <th scope="col">Why</th>
            <th scope="col" class="number">
              Generation
            </th>
            <th scope="col">Last heartbeat</th>
            <th scope="col" class="number">
              Last recovery
            </th>
          </tr>
        </thead>
        <tbody>
          {towns.map((town) => (
            <Line town={town} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Line({ town: listed, now }: { town: ListedTown; now: number }) {
  const name = (
    <th scope="row">
      <a href={`/towns/${listed.town}`}>{listed.town}</a>
    </th>
  );
  if ('unread' in listed) {
    return (
      <tr id={`town-${listed.town}`}>
        {name}
        <td colspan={5}>
          It could not be asked: <Why fault={listed.unread} />
        </td>
      </tr>
    );
  }
  const { view, boots } = listed;
  const recovered = boots
    .flatMap(({ recoveries }) => recoveries)
    .find(({ finishedAt }) => finishedAt !== null);
  const heard = view.boot?.endedAt === null ? view.boot.lastHeartbeatAt : null;
  return (
    <tr id={`town-${listed.town}`}>
      {name}
      <td>
        <State state={view.state} />
      </td>
      <td class="wide">{whyOf(view, { boots, latest: null, now })}</td>
      <td class="number">{view.generation}</td>
      <td>{heard === null ? '–' : <Ago at={heard} now={now} />}</td>
      <td class="number">
        {recovered?.finishedAt == null ? '–' : duration(recovered.finishedAt - recovered.startedAt)}
      </td>
    </tr>
  );
}
