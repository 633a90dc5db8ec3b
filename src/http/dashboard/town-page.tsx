import { Boots, RecoveryTimes } from './history.tsx';
import { Page } from './layout.tsx';
import type { Notice } from './layout.tsx';
import { Ago, Figure, State } from './parts.tsx';
import type { KnownTown } from './read.ts';
import { RecoveryHead } from './recovery-page.tsx';
import { Rig } from './rigs.tsx';
import { Legend, Waterfall } from './waterfall.tsx';
import { bytes, whyOf } from './words.ts';

/** How often a town is looked at without being told of a change, in milliseconds: while a recovery runs, its bars grow. */
const BUSY_MS = 1_000;
const CALM_MS = 5_000;

interface TownPageProps {
  readonly operator: string;
  readonly notice: Notice | null;
  readonly known: KnownTown;
}

/** A town: how it stands and why, its recovery, its rigs and agents, its boots. */
export function TownPage({ operator, notice, known }: TownPageProps) {
  const { view, boots, latest, rigs, now } = known;
  const { town, state } = view;
  const live = { everyMs: latest?.status === 'running' ? BUSY_MS : CALM_MS, changes: `/towns/${town}/live` };
  return (
    <Page
      title={`${town} is ${state}`}
      operator={operator}
      crumbs={[{ name: town, href: `/towns/${town}` }]}
      notice={notice}
      live={live}
    >
      <div class="head" data-say={`${town} is ${state}`}>
        <h1>{town}</h1>
        <State state={state} />
        <p>{whyOf(view, known)}</p>
        <Actions town={town} />
      </div>
      <Figures known={known} />
      <section aria-labelledby="recovery">
        {latest === null ? (
          <h2 id="recovery">No recovery yet</h2>
        ) : (
          <>
            <RecoveryHead id="recovery" town={town} recovery={latest} now={now} isLink />
            <Waterfall recovery={latest} now={now} />
            <Legend />
          </>
        )}
      </section>
      <section aria-labelledby="rigs">
        <h2 id="rigs">Rigs and agents</h2>
        {rigs.length === 0 && <p class="none">The town has no rig yet.</p>}
        {rigs.map((rig) => (
          <Rig town={town} rig={rig} now={now} />
        ))}
      </section>
      <section aria-labelledby="times">
        <h2 id="times">Recovery time over the last 50 boots</h2>
        <RecoveryTimes boots={boots} now={now} />
        {boots.length > 0 && <Boots town={town} boots={boots} now={now} />}
      </section>
    </Page>
  );
}

function Actions({ town }: { town: string }) {
  const at = `/towns/${town}`;
  return (
    <nav class="actions" aria-label="What can be done">
      <a class="button" href={`${at}/replay`}>
        Replay recovery
      </a>
      <a class="button" href={`${at}/start`}>
        Start
      </a>
      <a class="button" href={`${at}/stop`}>
        Stop
      </a>
      <a class="button danger" href={`${at}/kill`}>
        Kill
      </a>
    </nav>
  );
}

function Figures({ known: { view, rigs, now } }: { known: KnownTown }) {
  const { boot, generation } = view;
  const agents = rigs.flatMap(({ roster }) => roster);
  const hooked = agents.filter(({ bead }) => bead !== null);
  const atRisk = agents.filter(({ atRisk }) => atRisk !== null).length;
  const isAlive = boot !== null && boot.endedAt === null;
  return (
    <dl class="figures">
      <Figure name="Generation">{generation}</Figure>
      <Figure name={isAlive ? 'Boot came up' : 'Last boot ended'}>
        {boot === null ? '–' : <Ago at={boot.endedAt ?? boot.acceptedAt} now={now} />}
      </Figure>
      <Figure name="Heartbeat">
        {!isAlive || boot.lastHeartbeatAt === null ? '–' : <Ago at={boot.lastHeartbeatAt} now={now} />}
      </Figure>
      <Figure name="Rigs ready">
        {rigs.filter(({ state }) => state === 'ready').length} of {rigs.length}
      </Figure>
      <Figure name="Agents working">
        {agents.filter(({ status }) => status === 'working').length} of {hooked.length}
      </Figure>
      <Figure name="Work at risk">{atRisk === 0 ? 'none' : <strong class="bad">{atRisk}</strong>}</Figure>
      <Figure name="Free disk">{!isAlive || boot.disk === null ? '–' : bytes(boot.disk.freeBytes)}</Figure>
    </dl>
  );
}
