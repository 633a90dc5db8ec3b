/** The address that an agent commits under; `.invalid` reaches nobody (RFC 2606). */
export function agentEmail({ rig, agent }: { rig: string; agent: string }): string {
  return `${agent}@${rig}.relight.invalid`;
}
