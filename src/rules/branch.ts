/** The branch that an agent works on unless the sling names one. It is stored with the hook and never derived again. */
export function defaultBranchFor(agent: string, bead: string): string {
  return `gt/${agent}/${bead}`;
}
