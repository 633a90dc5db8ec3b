import type { z } from 'zod';
import { AgentView } from '../../../src/contract/agent.ts';
import { Recovery } from '../../../src/contract/recovery.ts';
import { RigView } from '../../../src/contract/rig.ts';
import { TownView } from '../../../src/contract/town.ts';

const MINUTE = 60_000;
export const NOW = 100 * MINUTE;
const BOOT_ID = '0123456789abcdef0123456789abcdef';

/** A lit town as the API answers it. */
export function townView(more: Partial<z.input<typeof TownView>> = {}): TownView {
  const boot = {
    bootId: BOOT_ID,
    generation: 3,
    acceptedAt: NOW - 4 * MINUTE,
    lastHeartbeatAt: NOW - 2_000,
    endedAt: null,
    exit: null,
    disk: { freeBytes: 3 * 2 ** 30, totalBytes: 8 * 2 ** 30 },
  };
  const times = { nextStartAt: null, heldUntil: null, heldDown: false, createdAt: 0 };
  return TownView.parse({ town: 'home', state: 'lit', fault: null, generation: 3, boot, ...times, ...more });
}

export function rigView(more: Partial<z.input<typeof RigView>> = {}): RigView {
  const counts = { generation: 3, agents: 2, activeAgents: 1, createdAt: 0 };
  const standing = { state: 'ready', fault: null, heldUntil: null } as const;
  return RigView.parse({ rig: 'site', gitUrl: 'https://git.test/site.git', ...standing, ...counts, ...more });
}

export function agentView(more: Partial<z.input<typeof AgentView>> = {}): AgentView {
  const none = { notBefore: null, fault: null, snapshot: null, atRisk: null, lastExit: null };
  const times = { generation: 3, startedAt: null, lastSeenAt: null };
  return AgentView.parse({
    agent: 'ada',
    status: 'idle',
    bead: null,
    branch: null,
    attempts: 0,
    ...none,
    ...times,
    ...more,
  });
}

export function recoveryView(more: Partial<z.input<typeof Recovery>> = {}): Recovery {
  const phase = { agent: null, work: 'git', startedAt: NOW - 3 * MINUTE, ok: true, detail: '' } as const;
  const report = {
    agent: 'ada',
    bead: 'fix-1',
    branch: 'gt/ada/fix-1',
    head: 'a'.repeat(40),
    from: 'remote',
    snapshot: 'restored',
    files: 7,
    lost: [],
    warnings: ['the branch moved'],
    fault: null,
  } as const;
  return Recovery.parse({
    recoveryId: `boot-${BOOT_ID}`,
    bootId: BOOT_ID,
    generation: 3,
    trigger: 'boot',
    status: 'complete',
    fault: null,
    startedAt: NOW - 3 * MINUTE,
    finishedAt: NOW - 3 * MINUTE + 2_140,
    overheadMs: 310,
    rigs: [
      {
        rig: 'site',
        status: 'ready',
        fault: null,
        phases: [
          { ...phase, name: 'fetch', ms: 900 },
          { ...phase, name: 'worktree', agent: 'ada', ms: 120 },
          { ...phase, name: 'worktree', agent: 'bob', ms: 100 },
        ],
        agents: [report],
      },
    ],
    ...more,
  });
}
