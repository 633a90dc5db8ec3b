import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { responseTo } from './docker-client.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const ECHO_SERVER = `
  const server = require('node:http').createServer((request, response) => {
    let size = 0;
    request.on('data', (bytes) => { size += bytes.length; });
    request.on('end', () => response.end(request.method + ' ' + request.url + ' ' + size + ' ' + request.headers.expect));
  });
  server.listen(process.env.PORT, process.env.HOST);`;

/** Starts an app and its sidecar in the way of workerd and gives the sidecar's loopback port. */
async function startPair({ docker, engine }: TestEngine, script: string): Promise<number> {
  const Image = engine.wranglerEnv['MINIFLARE_CONTAINER_EGRESS_IMAGE'];
  await docker('POST', '/containers/create?name=app-proxy', { Image });
  await docker('POST', '/containers/app-proxy/start');
  await docker('POST', '/containers/create?name=app', {
    Image: 'node',
    Env: [`SCRIPT=${script}`],
    HostConfig: { NetworkMode: 'container:app-proxy' },
  });
  await docker('POST', '/containers/app/start');
  const { body } = await docker('GET', '/containers/app-proxy/json');
  return Number(Object(body).NetworkSettings.Ports['39001/tcp'][0].HostPort);
}

/** Sends a `CONNECT` and gives the answer's status, and the tunnel. */
async function tunnelTo(sidecarPort: number): Promise<{ status: string; tunnel: Socket }> {
  const tunnel = connect(sidecarPort, '127.0.0.1');
  onTestFinished(() => void tunnel.destroy());
  tunnel.write('CONNECT app HTTP/1.1\r\nHost: app\r\nX-Dst-Addr: 127.0.0.1:8080\r\n\r\n');
  await once(tunnel, 'readable');
  const [status = ''] = String(tunnel.read()).split('\r\n');
  return { status, tunnel };
}

/** Asks for a tunnel until the app listens, as `@cloudflare/containers` does. */
async function openTunnel(sidecarPort: number): Promise<Socket> {
  for (;;) {
    const { status, tunnel } = await tunnelTo(sidecarPort);
    if (status.includes('200')) return tunnel;
  }
}

describe('the network sidecar', () => {
  test('answers 400 to a tunnel as long as nothing listens in the container', async () => {
    const engine = await startTestEngine();
    const port = await startPair(engine, 'setTimeout(() => {}, 100_000)');
    expect((await tunnelTo(port)).status).toBe('HTTP/1.1 400 Bad Request');
    engine.engine.kill('app', 'SIGKILL');
    await engine.exitCode('app');
    expect((await tunnelTo(port)).status).toBe('HTTP/1.1 400 Bad Request');
  });

  test('joins a tunnel to the port that the app was given, whichever port was asked for', async () => {
    const engine = await startTestEngine();
    const tunnel = await openTunnel(await startPair(engine, ECHO_SERVER));
    tunnel.setEncoding('utf8').write('GET /hello HTTP/1.1\r\nHost: app\r\n\r\n');
    const [answer]: unknown[] = await once(tunnel, 'data');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK[^]*GET \/hello 0 undefined$/);
  });

  test('keeps `Expect: 100-continue` away from every request of a connection', async () => {
    const engine = await startTestEngine();
    const tunnel = await openTunnel(await startPair(engine, ECHO_SERVER));
    let received = '';
    tunnel.setEncoding('utf8').on('data', (text: string) => (received += text));
    const head = 'POST / HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\n';
    tunnel.write(`${head}Content-Length: 5\r\n\r\nhel`);
    await delay(20);
    tunnel.write(`lo${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${head}\r\n`);
    await expect
      .poll(() => received)
      .toMatch(/POST \/ 5 undefined[^]*POST \/ 3 undefined[^]*POST \/ 0 undefined/);
    expect(received).not.toContain('100 Continue');
  });

  test('closes the tunnels when the container dies', async () => {
    const engine = await startTestEngine();
    const tunnel = await openTunnel(await startPair(engine, ECHO_SERVER));
    tunnel.resume();
    await engine.docker('DELETE', '/containers/app?force=true');
    await expect.poll(() => tunnel.closed).toBe(true);
  });

  test('says yes to the settings of workerd', async () => {
    const engine = await startTestEngine();
    const port = await startPair(engine, ECHO_SERVER);
    const status = async (method: string, path: string) =>
      (await responseTo(request({ port, method, path }).end())).resume().statusCode;
    expect(await status('PUT', '/egress')).toBe(200);
    expect(await status('GET', '/ca')).toBe(200);
    expect(await status('GET', '/else')).toBe(404);
  });
});
