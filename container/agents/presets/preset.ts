import { join } from 'node:path';
import { GT_BIN_DIR } from '../environment.ts';

/** `gt` by its whole path: not every tool hands its PATH on to the MCP servers that it starts. */
export const GT = join(GT_BIN_DIR, 'gt');

/** How long a call of `gt mcp` may take, in seconds: `gt done` pushes, and a push may be large. */
export const MCP_TIMEOUT_SECONDS = 600;

/** Where one agent runs its tool. */
export interface Place {
  readonly home: string;
  readonly worktree: string;
}

/** What a tool is started with. `files` are written whole, by their path below HOME. */
export interface Setting {
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** The program and its arguments, not quoted. It reads its prompt from standard input. */
  readonly words: readonly string[];
}

/**
 * A tool that Relight knows how to run: unattended, with everything allowed, with `gt mcp`, and with nothing that calls
 * home. What it sets lies beside the tool's own settings below HOME, which are the operator's: model, provider, login.
 */
export interface Preset {
  /** The file or folder in which the tool keeps its conversations, by its path below HOME. */
  readonly session: string;
  readonly setting: (place: Place, resumes: boolean) => Setting;
}
