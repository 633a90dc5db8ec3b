import { z } from 'zod';
import { Id, Instant } from './ids.ts';

/** Whose token is the secret `RELIGHT_ADMIN_TOKEN`: the one operator who makes and revokes others. */
export const ROOT = 'root';

/** Somebody who may use the operator API. */
export interface Operator {
  readonly name: string;
}

export const OperatorName = Id.refine((name) => name !== ROOT, { message: 'is whoever has the root token' });

/** What makes an operator. */
export const OperatorSpec = z.object({ name: OperatorName });
export type OperatorSpec = z.infer<typeof OperatorSpec>;

/** An operator as others see it; `lastUsedAt` is exact to the hour, null before the first use. */
export const OperatorView = z.object({
  name: OperatorName,
  createdAt: Instant,
  lastUsedAt: Instant.nullable(),
});
export type OperatorView = z.infer<typeof OperatorView>;

/** A new operator with its token, which nobody is shown again. */
export const NewOperator = OperatorView.extend({ token: z.string() });
export type NewOperator = z.infer<typeof NewOperator>;
