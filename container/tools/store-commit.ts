import { askControl, ControlAway } from './control-socket.ts';

/** What the hooks of an agent's git run: returns once the worktree is stored, or cannot be for now. */
try {
  await askControl(process.env['GT_SOCKET'] ?? '', '/snapshot', { body: '', waitMs: 0 });
} catch (error) {
  // The commit is made in any case; the control server snapshots it as soon as it is back.
  if (!(error instanceof ControlAway)) process.stderr.write(`relight: not stored yet: ${String(error)}\n`);
}
