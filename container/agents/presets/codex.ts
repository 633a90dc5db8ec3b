import { GT, MCP_TIMEOUT_SECONDS, type Preset } from './preset.ts';

const SETTINGS = {
  'mcp_servers.gt.command': GT,
  'mcp_servers.gt.args': ['mcp'],
  'mcp_servers.gt.startup_timeout_sec': 60,
  'mcp_servers.gt.tool_timeout_sec': MCP_TIMEOUT_SECONDS,
  // Git's settings are in variables with KEY in their names, which would be kept from commands.
  'shell_environment_policy.inherit': 'all',
  'shell_environment_policy.ignore_default_excludes': true,
  // A login shell would take its PATH from /etc/profile, where gt is not.
  allow_login_shell: false,
  check_for_update_on_startup: false,
  'features.plugins': false,
  'analytics.enabled': false,
  'feedback.enabled': false,
} as const;

/**
 * Codex: https://developers.openai.com/codex/cli. Its settings are arguments, which win over the operator's config.toml and
 * leave it as it is.
 */
export const codex: Preset = {
  session: '.codex/sessions',
  setting: (_place, resumes) => ({
    files: {},
    env: {},
    words: [
      'codex',
      'exec',
      '--dangerously-bypass-approvals-and-sandbox',
      '--skip-git-repo-check',
      '--color=never',
      // JSON's strings, numbers and lists of these are TOML as well.
      ...Object.entries(SETTINGS).flatMap(([key, value]) => ['--config', `${key}=${JSON.stringify(value)}`]),
      ...(resumes ? ['resume', '--last'] : []),
      '-',
    ],
  }),
};
