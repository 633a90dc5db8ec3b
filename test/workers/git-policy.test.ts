import { describe, expect, it } from 'vitest';
import { everythingOf, jsonOf, problemCode } from './scene.ts';
import { makeTown, operator } from './town.ts';

const RIG = '/api/towns/policed/rigs/hono';

describe('git address not public: a rig', () => {
  it('at such an address is refused, new or changed, and nothing is different', async () => {
    await makeTown('policed');
    await jsonOf(operator('PUT', RIG, { gitUrl: 'https://git.test/hono.git' }));
    const known = await everythingOf('policed');
    for (const gitUrl of [
      'http://169.254.169.254/hono.git',
      'http://2130706433/hono.git',
      'https://[::ffff:10.0.0.1]/hono.git',
      'ssh://git@localhost/hono.git',
      'git@192.168.0.1:hono.git',
    ])
      for (const path of [RIG, '/api/towns/policed/rigs/other'])
        expect(await problemCode(await operator('PUT', path, { gitUrl }), 422), gitUrl).toBe('git_address');
    expect(await everythingOf('policed')).toEqual(known);
  });
});
