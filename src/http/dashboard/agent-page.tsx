import type { Snapshot } from '../../contract/snapshot.ts';
import { Page } from './layout.tsx';
import type { Notice } from './layout.tsx';
import { Ago, Commit, Figure, State, Why } from './parts.tsx';
import type { KnownAgent } from './read.ts';
import { AgentActions, CheckpointCell, SnapshotCell } from './rigs.tsx';
import { bytes, count } from './words.ts';

interface AgentPageProps {
  readonly operator: string;
  readonly notice: Notice | null;
  readonly town: string;
  readonly rig: string;
  readonly agent: KnownAgent;
  readonly snapshots: readonly Snapshot[];
  /** Its last lines, or why there are none. */
  readonly output: string;
  readonly now: number;
}

/** One agent: what it works on, what of it is safe, and what it writes. */
export function AgentPage({ operator, notice, town, rig, agent, snapshots, output, now }: AgentPageProps) {
  const { agent: name, role, status, bead, branch, attempts, fault, atRisk, startedAt, generation } = agent;
  const at = `/towns/${town}/rigs/${rig}/agents/${name}`;
  return (
    <Page
      title={`${name} of ${rig} is ${status}`}
      operator={operator}
      crumbs={[
        { name: town, href: `/towns/${town}` },
        { name: rig, href: `/towns/${town}#rig-${rig}` },
        { name, href: at },
      ]}
      notice={notice}
      live={{ everyMs: 2_000, changes: `/towns/${town}/live` }}
    >
      <div class="head" data-say={`${name} is ${status}`}>
        <h1>{name}</h1>
        <State state={status} />
        <p>
          {role} of {rig}
        </p>
        <nav class="actions" aria-label="What can be done">
          <AgentActions agent={agent} at={at} />
        </nav>
      </div>
      {fault !== null && (
        <p>
          <Why fault={fault} />
        </p>
      )}
      {atRisk !== null && (
        <p>
          Its newest work is not stored outside the container: <Why fault={atRisk} />
        </p>
      )}
      <dl class="figures">
        <Figure name="Bead">
          {bead === null ? (
            'none'
          ) : (
            <>
              <code>{bead.id}</code> <span class="title">{bead.title}</span>
            </>
          )}
        </Figure>
        <Figure name="Branch">{branch === null ? '–' : <code>{branch}</code>}</Figure>
        <Figure name="Attempts">{attempts}</Figure>
        <Figure name="Started">{startedAt === null ? '–' : <Ago at={startedAt} now={now} />}</Figure>
        <Figure name="Generation">{generation}</Figure>
        <Figure name="Checkpoint">
          <CheckpointCell agent={agent} now={now} />
        </Figure>
        <Figure name="Snapshot">
          <SnapshotCell agent={agent} now={now} />
        </Figure>
      </dl>
      <section>
        <h2 id="output">Last lines of output</h2>
        <pre class="output tall" tabindex={0} role="region" aria-labelledby="output">
          {output}
        </pre>
      </section>
      <Snapshots snapshots={snapshots} now={now} />
    </Page>
  );
}

function Snapshots({ snapshots, now }: { snapshots: readonly Snapshot[]; now: number }) {
  return (
    <section aria-labelledby="snapshots">
      <h2 id="snapshots">{snapshots.length === 0 ? 'No stored snapshot' : 'Stored snapshots'}</h2>
      {snapshots.length > 0 && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Taken</th>
                <th scope="col">Bead</th>
                <th scope="col">Commit</th>
                <th scope="col" class="number">
                  Files
                </th>
                <th scope="col" class="number">
                  Size
                </th>
                <th scope="col">Left out</th>
                <th scope="col">Store</th>
              </tr>
            </thead>
            <tbody>
              {snapshots.map(
                ({ generation, seq, at, bead, commit, files, bytes: size, leftOutCount, store }) => (
                  <tr id={`snapshot-${generation}-${seq}`}>
                    <td>
                      <Ago at={at} now={now} />
                    </td>
                    <td>
                      <code>{bead}</code>
                    </td>
                    <td>
                      <Commit head={commit} />
                    </td>
                    <td class="number">{files}</td>
                    <td class="number">{size === null ? '–' : bytes(size)}</td>
                    <td>{leftOutCount === 0 ? 'nothing' : count(leftOutCount, 'path')}</td>
                    <td>{store}</td>
                  </tr>
                ),
              )}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
