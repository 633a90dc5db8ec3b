import { Ago, Commit, State, Why } from './parts.tsx';
import type { KnownAgent, KnownRig } from './read.ts';
import { count, duration } from './words.ts';

interface Place {
  readonly town: string;
  readonly now: number;
}

/** A rig with its agents, and what can be done about them. */
export function Rig({ town, rig, now }: Place & { rig: KnownRig }) {
  const { rig: name, state, fault, unread, gitUrl, generation, roster, activeAgents } = rig;
  const at = `/towns/${town}/rigs/${name}`;
  const stands = generation === 0 ? 'not brought back yet' : `as of generation ${generation}`;
  return (
    <section class="card" id={`rig-${name}`} aria-labelledby={`rig-${name}-name`}>
      <header>
        <h3 id={`rig-${name}-name`}>{name}</h3>
        <State state={state} />
        <span class="faint">
          {stands} · {activeAgents} of {count(rig.agents, 'agent')} with work · <code>{gitUrl}</code>
        </span>
        <a class="button small" href={`${at}/replay`}>
          {state === 'failed' || state === 'partial' ? 'Retry' : 'Replay'}
          <span class="unseen"> rig {name}</span>
        </a>
      </header>
      {fault !== null && (
        <p>
          <Why fault={fault} />
        </p>
      )}
      {unread !== null && (
        <p>
          Its agents could not be asked for: <Why fault={unread} />
        </p>
      )}
      {roster.length > 0 && <Agents at={at} roster={roster} now={now} rig={name} />}
    </section>
  );
}

function Agents({
  at,
  roster,
  now,
  rig,
}: {
  at: string;
  rig: string;
  roster: readonly KnownAgent[];
  now: number;
}) {
  return (
    <div class="scroll">
      <table class="agents">
        <caption class="unseen">Agents of {rig}</caption>
        <thead>
          <tr>
            <th scope="col">Agent</th>
            <th scope="col">Status</th>
            <th scope="col">Bead and branch</th>
            <th scope="col" class="number">
              Attempts
            </th>
            <th scope="col">Checkpoint</th>
            <th scope="col">Snapshot</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        {roster.map((agent) => (
          <AgentLines
            agent={agent}
            at={`${at}/agents/${agent.agent}`}
            now={now}
            id={`agent-${rig}-${agent.agent}`}
          />
        ))}
      </table>
    </div>
  );
}

function AgentLines({ agent, at, now, id }: { agent: KnownAgent; at: string; now: number; id: string }) {
  const { agent: name, role, status, bead, branch, attempts, fault } = agent;
  return (
    <tbody id={id}>
      <tr>
        <th scope="row">
          <a href={at}>{name}</a> {role !== 'polecat' && <span class="faint">{role}</span>}
        </th>
        <td>
          <State state={status} />
          <Waits agent={agent} now={now} />
        </td>
        <td class="wide">
          {bead === null ? (
            <span class="faint">no bead</span>
          ) : (
            <>
              <code>{bead.id}</code> <span class="title">{bead.title}</span>
              <code class="faint">{branch}</code>
            </>
          )}
        </td>
        <td class="number">{bead === null ? '' : attempts}</td>
        <td>{bead !== null && <CheckpointCell agent={agent} now={now} />}</td>
        <td>{bead !== null && <SnapshotCell agent={agent} now={now} />}</td>
        <td class="deeds">
          <AgentActions agent={agent} at={at} />
        </td>
      </tr>
      {(bead !== null || agent.lastExit !== null) && (
        <tr class="more">
          <td colspan={7}>
            {fault !== null && (
              <p>
                <Why fault={fault} />
              </p>
            )}
            <details id={`${id}-output`} data-output={`${at}/output`}>
              <summary>
                Output<span class="unseen"> of {name}</span>
              </summary>
              <div data-keep>
                <pre class="output" tabindex={0} role="region" aria-label={`Last lines of ${name}`}></pre>
                <a href={at}>All that is known of {name}</a>
              </div>
            </details>
          </td>
        </tr>
      )}
    </tbody>
  );
}

function Waits({ agent: { status, notBefore }, now }: { agent: KnownAgent; now: number }) {
  if (status !== 'pending' || notBefore === null || notBefore <= now) return null;
  return <span class="faint"> next try in {duration(notBefore - now)}</span>;
}

/** When an agent last said how far it is. */
export function CheckpointCell({ agent: { checkpoint }, now }: { agent: KnownAgent; now: number }) {
  if (checkpoint === null) return <span class="faint">none yet</span>;
  return (
    <>
      <Ago at={checkpoint.at} now={now} />{' '}
      {checkpoint.head !== null && (
        <span class="faint">
          on <Commit head={checkpoint.head} />
        </span>
      )}
    </>
  );
}

/** How old the newest stored snapshot is, and whether newer work is at risk. */
export function SnapshotCell({ agent: { snapshot, atRisk }, now }: { agent: KnownAgent; now: number }) {
  return (
    <>
      {snapshot === null ? <span class="faint">none needed yet</span> : <Ago at={snapshot.at} now={now} />}
      {atRisk !== null && (
        <span class="state bad" title={atRisk.reason}>
          at risk<span class="unseen">: {atRisk.reason}</span>
        </span>
      )}
    </>
  );
}

/** What an operator can do for an agent that has a bead. */
export function AgentActions({ agent, at }: { agent: KnownAgent; at: string }) {
  const { agent: name, bead, status } = agent;
  if (bead === null) return null;
  return (
    <>
      {status === 'failed' && (
        <a class="button small" href={`${at}/retry`}>
          Retry<span class="unseen"> bead of {name}</span>
        </a>
      )}
      <a class="button small" href={`${at}/snapshot`}>
        Snapshot<span class="unseen"> {name} now</span>
      </a>
    </>
  );
}
