import { join } from 'node:path';
import { opencodeConfig } from './opencode-config.ts';
import type { Preset } from './preset.ts';

const CONFIG = '.config/gt/kilo.json';

/** Kilo's CLI, a descendant of opencode: https://kilo.ai/docs/code-with-ai/platforms/cli */
export const kilo: Preset = {
  session: '.local/share/kilo/kilo.db',
  setting: ({ home }, resumes) => ({
    files: { [CONFIG]: opencodeConfig() },
    env: {
      // Laid over the operator's own configuration, key by key.
      KILO_CONFIG: join(home, CONFIG),
      KILO_DISABLE_AUTOUPDATE: '1',
      KILO_DISABLE_SHARE: '1',
      KILO_DISABLE_SESSION_INGEST: '1',
      KILO_DISABLE_PRESENCE: '1',
      KILO_TELEMETRY_LEVEL: 'off',
    },
    words: ['kilo', 'run', '--auto', ...(resumes ? ['--continue'] : [])],
  }),
};
