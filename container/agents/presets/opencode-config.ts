import { GT, MCP_TIMEOUT_SECONDS } from './preset.ts';

/** The configuration of opencode and of what descends from it. */
export function opencodeConfig(): string {
  const config = {
    autoupdate: false,
    share: 'disabled',
    // Relight takes the snapshots.
    snapshot: false,
    permission: 'allow',
    mcp: {
      gt: { type: 'local', command: [GT, 'mcp'], enabled: true, timeout: MCP_TIMEOUT_SECONDS * 1000 },
    },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
