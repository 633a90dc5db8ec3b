import type { AgentRole } from '../agent.ts';
import { MAYOR_PROMPT } from './mayor.ts';
import { POLECAT_PROMPT } from './polecat.ts';
import { REFINERY_PROMPT } from './refinery.ts';
import { WITNESS_PROMPT } from './witness.ts';

/** How each role works, as Markdown. */
export const ROLE_PROMPTS: Readonly<Record<AgentRole, string>> = {
  polecat: POLECAT_PROMPT,
  witness: WITNESS_PROMPT,
  refinery: REFINERY_PROMPT,
  mayor: MAYOR_PROMPT,
};
