import { describe, expect, test } from 'vitest';
import { execa } from 'execa';
import { startEngine } from '../../../dev/engine/engine.ts';
import { startTestEngine, temporaryPlace } from './test-engine.ts';

describe('the Docker API of the process engine', () => {
  test('gives a container 64 hexadecimal digits as its id and finds it by name, id and short id', async () => {
    const { docker } = await startTestEngine();
    const { body } = await docker('POST', '/containers/create?name=box', { Image: 'sh' });
    expect(body).toEqual({ Id: expect.stringMatching(/^[0-9a-f]{64}$/), Warnings: [] });
    const id = String(Object(body).Id);
    for (const name of ['box', '/box', id, id.slice(0, 12)]) {
      const path = `/containers/${encodeURIComponent(name)}/json`;
      expect((await docker('GET', path)).body).toMatchObject({
        Id: id,
        Name: '/box',
        State: { Status: 'created' },
      });
    }
  });

  test('answers with the status codes that Docker gives', async () => {
    const { docker } = await startTestEngine();
    const create = { Image: 'sh', Env: ['SCRIPT=sleep 100'] };
    const status = async (method: string, path: string, body?: object) =>
      (await docker(method, path, body)).status;
    expect(await status('POST', '/containers/create?name=box', create)).toBe(201);
    expect(await status('POST', '/containers/create?name=box', create)).toBe(409);
    expect(await status('POST', '/containers/create?name=other', { Image: 'unknown' })).toBe(404);
    expect(await status('POST', '/containers/create?name=other', { image: 'sh' })).toBe(400);
    expect(await status('POST', '/containers/create?name=broken', { Image: 'missing-program' })).toBe(201);
    expect(await status('POST', '/containers/broken/start')).toBe(400);
    expect(await status('POST', '/containers/box/kill')).toBe(409);
    expect(await status('POST', '/containers/box/start')).toBe(204);
    expect(await status('POST', '/containers/box/start')).toBe(304);
    expect(await status('DELETE', '/containers/box')).toBe(409);
    expect(await status('POST', '/containers/box/kill?signal=NONSENSE')).toBe(400);
    expect(await status('POST', '/containers/box/kill?signal=9')).toBe(204);
    expect(await status('POST', '/containers/box/wait')).toBe(200);
    expect(await status('DELETE', '/containers/box?force=true')).toBe(204);
    expect(await status('DELETE', '/containers/box?force=true')).toBe(404);
    expect(await status('POST', '/containers/box/wait?condition=removed')).toBe(404);
  });

  test('answers a route that it does not have with 404 and a message', async () => {
    const { docker } = await startTestEngine();
    expect(await docker('POST', '/containers/box/exec', {})).toEqual({
      status: 404,
      body: { message: 'page not found' },
    });
  });

  test('answers the calls that ask about the host, with and without a version in the path', async () => {
    const { docker } = await startTestEngine();
    expect(await docker('GET', '/v1.43/_ping')).toEqual({ status: 200, body: 'OK' });
    expect((await docker('GET', '/volumes?filters=')).body).toMatchObject({ Volumes: [] });
    expect((await docker('GET', '/networks/bridge')).body).toMatchObject({
      IPAM: { Config: [{ Subnet: '127.0.0.0/8', Gateway: '127.0.0.1' }] },
    });
  });

  test('names no container to who looks for those of a session that ends', async () => {
    const { docker, run } = await startTestEngine();
    await run('running', 'sleep 100');
    const filters = encodeURIComponent(JSON.stringify({ label: ['dev.workerd.session=s1'] }));
    expect(await docker('GET', `/containers/json?all=1&filters=${filters}`)).toEqual({
      status: 200,
      body: [],
    });
  });

  test('holds a wait for removal open until the container is removed', async () => {
    const { docker, run, exitCode } = await startTestEngine();
    await run('box', 'exit 3');
    let removed = false;
    const wait = docker('POST', '/containers/box/wait?condition=removed').finally(() => (removed = true));
    await exitCode('box');
    expect(removed).toBe(false);
    await docker('DELETE', '/containers/box');
    expect((await wait).body).toEqual({ StatusCode: 3 });
  });

  test('refuses a socket path that is too long for a unix socket', async () => {
    const { rootDir } = await temporaryPlace();
    const socketPath = `/tmp/${'x'.repeat(100)}`;
    await expect(startEngine({ rootDir, socketPath, command: () => null })).rejects.toThrow('too long');
  });
});

describe('the stand-in for the docker CLI', () => {
  test('builds, pulls and informs without doing anything, and reads the Dockerfile to its end', async () => {
    const { engine } = await startTestEngine();
    const standIn = engine.wranglerEnv['WRANGLER_DOCKER_BIN'] ?? '';
    const build = ['build', '--load', '-t', 'x:1', '--platform', 'linux/amd64', '-f', '-', '.'];
    await execa(standIn, build, { input: 'FROM scratch\n'.repeat(100_000) });
    await execa(standIn, ['info']);
    await execa(standIn, ['pull', 'sidecar']);
    const security = ['--host', 'unix:///s', 'info', '--format', '{{json .SecurityOptions}}'];
    expect(JSON.parse((await execa(standIn, security)).stdout)).toEqual([]);
  });

  test('names no container of an image, which wrangler would remove when it stops', async () => {
    const { engine, run } = await startTestEngine();
    await run('box', 'sleep 100');
    const standIn = engine.wranglerEnv['WRANGLER_DOCKER_BIN'] ?? '';
    const ps = ['ps', '-a', '--filter', 'ancestor=sh', '--format', '{{.ID}}'];
    expect((await execa(standIn, ps)).stdout).toBe('');
  });
});
