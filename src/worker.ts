import { createApp } from './http/app.ts';

export { Agent } from './objects/agent.ts';
export { Operators } from './objects/operators.ts';
export { Rig } from './objects/rig.ts';
export { Town } from './objects/town.ts';
export { TownContainer } from './objects/town-container.ts';
export { RecoveryWorkflow } from '../workflows/recovery.ts';

const app = createApp();

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
