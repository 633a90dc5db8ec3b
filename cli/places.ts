import { Id } from '../src/contract/ids.ts';
import { UsageError } from './failure.ts';

/** A path of the operator API, with each place encoded: an id can hold no slash, and nothing is taken on trust. */
export function apiPath(parts: TemplateStringsArray, ...places: string[]): string {
  return String.raw({ raw: parts }, ...places.map(encodeURIComponent));
}

/** The town that an argument names. Throws UsageError. */
export function townOf(argument: string): string {
  const [town] = namesOf(argument, ['TOWN']);
  return town;
}

/** The rig that `TOWN/RIG` names. Throws UsageError. */
export function rigOf(argument: string): { town: string; rig: string; path: string } {
  const [town, rig] = namesOf(argument, ['TOWN', 'RIG']);
  return { town, rig, path: apiPath`/api/towns/${town}/rigs/${rig}` };
}

/** The agent that `TOWN/RIG/AGENT` names. Throws UsageError. */
export function agentOf(argument: string): { town: string; rig: string; agent: string; path: string } {
  const [town, rig, agent] = namesOf(argument, ['TOWN', 'RIG', 'AGENT']);
  return { town, rig, agent, path: apiPath`/api/towns/${town}/rigs/${rig}/agents/${agent}` };
}

type Strings<Shape extends readonly string[]> = { [Place in keyof Shape]: string };

function namesOf<const Shape extends readonly string[]>(argument: string, shape: Shape): Strings<Shape> {
  const names = argument.split('/');
  if (!hasShape(names, shape)) throw new UsageError(`write ${shape.join('/')}, not ${argument}`);
  for (const name of names) {
    const id = Id.safeParse(name);
    if (!id.success)
      throw new UsageError(`${name} is no name: it ${id.error.issues[0]?.message ?? 'is wrong'}`);
  }
  return names;
}

function hasShape<Shape extends readonly string[]>(
  names: unknown[],
  shape: Shape,
): names is Strings<Shape> & string[] {
  return names.length === shape.length;
}
