import { z } from 'zod';
import { NewOperator, OperatorName, OperatorView } from '../../src/contract/operator.ts';
import { UsageError } from '../failure.ts';
import { apiPath } from '../places.ts';
import { table } from '../screens/table.ts';
import { show, type Task, tell } from '../session.ts';

const ALL = '/api/operators';
const Operators = z.object({ operators: z.array(OperatorView) });

/** `relight operator ls` */
export const list: Task = async (session) => {
  show(session, await session.api.get(Operators, ALL), ({ operators }) => {
    const day = (at: number | null): string =>
      at === null ? 'never' : new Date(at).toISOString().slice(0, 16);
    const rows = operators.map(({ name, createdAt, lastUsedAt }) => [name, day(createdAt), day(lastUsedAt)]);
    return table(['OPERATOR', 'MADE', 'LAST USED'], rows, session.terminal.style);
  });
};

/** `relight operator add NAME`: the token alone goes to standard output, so that it can be handed on without being seen. */
export const add: Task = async (session, _, name: string) => {
  const answer = await session.api.call(NewOperator, 'POST', ALL, { name: nameFrom(name) });
  show(session, answer, ({ token }) => [token]);
};

/** `relight operator rm NAME` */
export const remove: Task<{ yes?: true }> = async (session, { yes }, name: string) => {
  const path = apiPath`/api/operators/${nameFrom(name)}`;
  await session.terminal.confirm(
    `Revoke the token of ${name}, and end every session of theirs`,
    yes === true,
  );
  tell(session, await session.api.text('DELETE', path), `${name} is revoked`);
};

function nameFrom(argument: string): string {
  const name = OperatorName.safeParse(argument);
  if (name.success) return name.data;
  throw new UsageError(
    `${argument} is no operator's name: it ${name.error.issues[0]?.message ?? 'is wrong'}`,
  );
}
