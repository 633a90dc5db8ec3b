import { bodyLimit } from 'hono/body-limit';
import { ARCHIVE_MAX_BYTES, archiveSchema } from '../contract/archive.ts';
import { problemOf, RelightError } from '../contract/errors.ts';
import { TownView } from '../contract/town.ts';
import { townOf } from '../objects/reach.ts';
import { requireJson } from './guards.ts';
import { createRouter, Json, jsonOperation, readOperation, TownPath } from './operation.ts';
import { problemResponse } from './problems.ts';

const PATH = '/api/towns/{town}/archive';

const ShownArchive = archiveSchema(Json);

/** Towns as JSON: kept as backups, and moved from one deployment to another. */
export const archives = createRouter();

archives.openapi(
  readOperation({ path: PATH, summary: 'The town as an archive', params: TownPath, answer: ShownArchive }),
  async (c) => c.json(await townOf(c.env, c.req.valid('param').town).exportArchive(), 200),
);

// Larger than any other body.
archives.use(
  '/api/towns/:town/archive',
  bodyLimit({
    maxSize: ARCHIVE_MAX_BYTES,
    onError: () =>
      problemResponse(problemOf('too_large', `an archive has at most ${ARCHIVE_MAX_BYTES} bytes`)),
  }),
  requireJson,
);

archives.openapi(
  jsonOperation({
    method: 'put',
    path: PATH,
    summary: 'Makes a town from an archive, its container held down',
    params: TownPath,
    body: ShownArchive,
    answer: TownView,
    status: 200,
  }),
  async (c) => {
    const { town } = c.req.valid('param');
    const archive = c.req.valid('json');
    if (archive.town !== town) {
      throw new RelightError('invalid_request', `the archive is of ${archive.town}, not of ${town}`);
    }
    return c.json(await townOf(c.env, town).importArchive(archive, new URL(c.req.url).origin), 200);
  },
);
