import { fileURLToPath } from 'node:url';

/** Where Node keeps what it has compiled. As in the image, that serves all later starts, of wrangler and in tests too. */
export const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/relight', import.meta.url));
