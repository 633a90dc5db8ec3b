import type { DemoResult } from './run.ts';

/** The end of the demo in words and a table. */
export function summarise({ ok, generation, recovery, lost, rigs, agents }: DemoResult): string {
  const ms = (recovery.finishedAt ?? recovery.startedAt) - recovery.startedAt;
  const rows = recovery.rigs.flatMap((rig) =>
    rig.agents.map((report) =>
      [
        rig.rig.padEnd(12),
        report.agent.padEnd(8),
        report.branch.padEnd(26),
        (report.head ?? 'unborn').slice(0, 8),
        report.from.padEnd(6),
        String(report.files).padStart(6),
      ].join('  '),
    ),
  );
  return [
    '',
    `Recovery of generation ${generation}: ${recovery.status} in ${ms} ms, ${recovery.overheadMs ?? '?'} ms of it outside git and set-up`,
    '',
    [
      'rig'.padEnd(12),
      'agent'.padEnd(8),
      'branch'.padEnd(26),
      'head'.padEnd(8),
      'from'.padEnd(6),
      ' files',
    ].join('  '),
    ...rows,
    '',
    ok
      ? `All ${agents} agents of ${rigs} rigs finished. Every pushed commit is there.`
      : ['Something is missing:', ...lost].join('\n  '),
  ].join('\n');
}
