import { join } from 'node:path';
import { GT, MCP_TIMEOUT_SECONDS, type Preset } from './preset.ts';

const MCP_CONFIG = '.config/gt/claude-mcp.json';

/** Without `alwaysLoad` the model is told of the tools' names only, and has to search for the tools first. */
const MCP_SERVERS = { mcpServers: { gt: { command: GT, args: ['mcp'], alwaysLoad: true } } };

/** Claude Code: https://code.claude.com/docs/en/cli-reference */
export const claude: Preset = {
  session: '.claude/projects',
  setting: ({ home }, resumes) => ({
    files: { [MCP_CONFIG]: `${JSON.stringify(MCP_SERVERS, null, 2)}\n` },
    env: {
      // Without it nothing is allowed unasked to root, who agents are where they have no users of their own.
      IS_SANDBOX: '1',
      MCP_TOOL_TIMEOUT: String(MCP_TIMEOUT_SECONDS * 1000),
      DISABLE_AUTOUPDATER: '1',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    },
    words: [
      'claude',
      '--print',
      '--dangerously-skip-permissions',
      ...(resumes ? ['--continue'] : []),
      '--mcp-config',
      join(home, MCP_CONFIG),
    ],
  }),
};
