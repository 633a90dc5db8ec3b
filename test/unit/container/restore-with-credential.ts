import { CONTROL } from '../../../src/contract/control.ts';
import type { RigReport } from '../../../src/contract/recovery.ts';
import { type ControlProcess, restoreRequest } from './control-process.ts';
import { eventually, type FakeWorker } from './fake-worker.ts';

/** Without the hook, which waits for a store that is not there. */
export const COMMIT = 'git -c core.hooksPath=/dev/null commit -q';

/** Restores a rig with its credential, and gives the report. */
export async function restore(
  { worker, control }: { worker: FakeWorker; control: ControlProcess },
  gitUrl: string,
  rig = 'rig',
): Promise<RigReport> {
  const before = worker.bodies('rigReport').length;
  const request = restoreRequest(control.life, gitUrl, ['a'], { credential: true });
  await control.call(CONTROL.restore, { rig }, request);
  return await eventually(() => {
    const [message] = worker.bodies('rigReport').slice(before);
    if (message === undefined) throw new Error('no report came');
    return message.report;
  });
}
