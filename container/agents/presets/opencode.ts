import { join } from 'node:path';
import type { Preset } from './preset.ts';
import { opencodeConfig } from './opencode-config.ts';

const CONFIG = '.config/gt/opencode.json';

/** opencode: https://opencode.ai/docs/cli and https://opencode.ai/docs/config */
export const opencode: Preset = {
  session: '.local/share/opencode/opencode.db',
  setting: ({ home }, resumes) => ({
    files: { [CONFIG]: opencodeConfig() },
    env: {
      // Laid over the operator's own configuration, key by key.
      OPENCODE_CONFIG: join(home, CONFIG),
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_SHARE: '1',
    },
    words: ['opencode', 'run', '--auto', ...(resumes ? ['--continue'] : [])],
  }),
};
