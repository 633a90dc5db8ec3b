/** A control server in miniature: restores the rig that its first argument describes, and is killed meanwhile. */
import { z } from 'zod';
import { restoreRig } from '../../../container/git/restore-rig.ts';
import { createGit } from '../../../container/git/run-git.ts';
import { RestoreRequest } from '../../../src/contract/control.ts';

const Order = z.object({ workspace: z.string(), rig: z.string(), request: RestoreRequest });
const { workspace, rig, request } = Order.parse(JSON.parse(process.argv[2] ?? ''));
process.stdout.write('restoring\n');
const hooks = { onPhase: () => undefined, onAgent: () => undefined };
await restoreRig(createGit({ workspace }), rig, request, hooks);
