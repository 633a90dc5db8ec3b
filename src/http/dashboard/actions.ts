import { RelightError } from '../../contract/errors.ts';
import { townOf } from '../../objects/reach.ts';
import { registeredRig } from '../registered-rig.ts';

/** What an action is done to: `rig` and `agent` are empty where it is not about one. `bead` is what the form was about. */
export interface Subject {
  readonly town: string;
  readonly rig: string;
  readonly agent: string;
  readonly bead: string | null;
}

/** Something that an operator can do. */
export interface Action {
  readonly name: string;
  /** What kind of thing it is done to. */
  readonly of: 'town' | 'rig' | 'agent';
  readonly button: string;
  readonly isDangerous: boolean;
  /** What it will do, in a sentence or two. */
  readonly effect: string;
  title(subject: Subject): string;
  /** Does it, and says what happened. Throws RelightError, as the same operation of the API does. */
  perform(env: Env, subject: Subject): Promise<string>;
}

/** Everything that the dashboard can do; each by the methods that the operator API calls. */
export const ACTIONS: readonly Action[] = [
  {
    name: 'replay',
    of: 'town',
    button: 'Replay the recovery',
    isDangerous: false,
    effect:
      'Every rig with work is brought back once more. Worktrees that are there and agents that run are left alone; agents that were held back start again. Without a container, one is started.',
    title: ({ town }) => `Replay the recovery of ${town}`,
    perform: async (env, { town }) => {
      const { recoveryId } = await townOf(env, town).replay(null);
      return `The recovery of ${town} is being replayed as ${recoveryId}.`;
    },
  },
  {
    name: 'start',
    of: 'town',
    button: 'Start the container',
    isDangerous: false,
    effect: 'The container comes up and its boot is recovered. One that runs goes on.',
    title: ({ town }) => `Start the container of ${town}`,
    perform: async (env, { town }) => {
      await townOf(env, town).act('start');
      return `The container of ${town} is up.`;
    },
  },
  {
    name: 'stop',
    of: 'town',
    button: 'Stop the container',
    isDangerous: true,
    effect:
      'The container takes a last snapshot of every worktree, ends its agents and goes. It stays down until the next sling or start.',
    title: ({ town }) => `Stop the container of ${town}`,
    perform: async (env, { town }) => {
      await townOf(env, town).act('stop');
      return `The container of ${town} was asked to stop, and stays down until the next sling or start.`;
    },
  },
  {
    name: 'kill',
    of: 'town',
    button: 'Kill the container',
    isDangerous: true,
    effect:
      'The container and its disk are gone at once; what came after the last snapshots is lost. A new one starts if any agent has work.',
    title: ({ town }) => `Kill the container of ${town}`,
    perform: async (env, { town }) => {
      await townOf(env, town).act('kill');
      return `The container of ${town} was killed; a new one starts if any agent has work.`;
    },
  },
  {
    name: 'replay',
    of: 'rig',
    button: 'Bring it back',
    isDangerous: false,
    effect:
      'This rig alone is brought back once more, also one that has failed. What is there is left alone.',
    title: ({ rig }) => `Bring rig ${rig} back once more`,
    perform: async (env, { town, rig }) => {
      const { recoveryId } = await townOf(env, town).replay([rig]);
      return `Rig ${rig} is being brought back by ${recoveryId}.`;
    },
  },
  {
    name: 'retry',
    of: 'agent',
    button: 'Retry the bead',
    isDangerous: false,
    effect: 'The agent goes on with the same bead, on the same branch, with its attempts counted anew.',
    title: ({ agent, bead }) => `Retry ${bead ?? 'the bead'} of ${agent}`,
    perform: async (env, { town, rig, agent, bead: meant }) => {
      const own = await registeredRig(env, town, rig);
      const { bead } = await own.agent(agent);
      if (bead === null) throw new RelightError('no_hook', `${agent} has no bead any more`);
      if (bead.id !== meant) throw new RelightError('agent_busy', `${agent} has ${bead.id} by now`);
      await own.hook(agent, { bead, branch: null });
      return `${agent} goes on with ${bead.id}.`;
    },
  },
  {
    name: 'snapshot',
    of: 'agent',
    button: 'Take the snapshot',
    isDangerous: false,
    effect: 'All work that is not pushed is stored outside the container now. The agent does not notice.',
    title: ({ agent }) => `Snapshot the work of ${agent} now`,
    perform: async (env, { town, rig, agent }) => {
      await (await registeredRig(env, town, rig)).takeSnapshot(agent);
      return `A snapshot of ${agent} was asked for; it shows here once it is stored.`;
    },
  },
];
