import { createPrivateKey } from 'node:crypto';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { credentialFrom } from '../../src/platform/git-credential.ts';

const SSH_KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'s3cret17'.repeat(8)}\nAAAA==\n-----END OPENSSH PRIVATE KEY-----\n`;
const HOST = `[git.example.com]:2222 ssh-ed25519 ${'A'.repeat(68)}`;

const secretWith = (knownHosts: string | string[]): string => JSON.stringify({ sshKey: SSH_KEY, knownHosts });
const encrypted = (pem: string): string =>
  pem.replaceAll('OPENSSH', 'RSA').replace('\n', '\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n');

let pkcs8: string;
let verify: (jwt: string) => Promise<boolean>;

beforeAll(async () => {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const size = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const made = await crypto.subtle.generateKey({ ...algorithm, ...size }, true, ['sign', 'verify']);
  if (!('privateKey' in made)) throw new Error('no key pair');
  const der = new Uint8Array((await crypto.subtle.exportKey('pkcs8', made.privateKey)) as ArrayBuffer);
  const base64 = btoa(String.fromCharCode(...der)).replaceAll(/.{64}/g, '$&\n');
  pkcs8 = `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`;
  const bytes = (text: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  verify = async (jwt) => {
    const [head = '', claims = '', signature = ''] = jwt.split('.');
    const signed = new TextEncoder().encode(`${head}.${claims}`);
    return crypto.subtle.verify(algorithm, made.publicKey, bytes(signature), signed);
  };
});
afterEach(() => vi.restoreAllMocks());

/** Stands in for GitHub: hands out a new installation token for each call. */
function gitHub(status = 201) {
  const asked: { url: string; jwt: string }[] = [];
  vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const request = new Request(input, init);
    const jwt = (request.headers.get('authorization') ?? '').replace(/^bearer /i, '');
    asked.push({ url: request.url, jwt });
    const body = {
      token: `ghs_token${asked.length}`,
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
      permissions: { contents: 'write' },
      repository_selection: 'all',
    };
    return Promise.resolve(Response.json(status === 201 ? body : { message: 'Bad credentials' }, { status }));
  });
  return asked;
}

const secretOf = (privateKey: string, installationId: number): string =>
  JSON.stringify({ appId: 17, installationId, privateKey, apiUrl: 'https://github.test/api/v3' });

it('a token is given to git as it is', async () => {
  expect(await credentialFrom('ghp_plain', { fresh: false })).toEqual({
    username: 'x-access-token',
    password: 'ghp_plain',
  });
});

it('a GitHub App gives an installation token, the same one until a fresh one is asked for', async () => {
  const asked = gitHub();
  const secret = secretOf(pkcs8, 4);
  expect(await credentialFrom(secret, { fresh: false })).toMatchObject({ password: 'ghs_token1' });
  expect(await credentialFrom(secret, { fresh: false })).toMatchObject({ password: 'ghs_token1' });
  expect(await credentialFrom(secret, { fresh: true })).toMatchObject({ password: 'ghs_token2' });
  expect(asked.map(({ url }) => url)).toEqual(
    [1, 2].map(() => 'https://github.test/api/v3/app/installations/4/access_tokens'),
  );
  expect(await verify(asked[0]?.jwt ?? '')).toBe(true);
});

it('the key may be as GitHub hands it out, and with its line breaks written out', async () => {
  const asked = gitHub();
  const pkcs1 = createPrivateKey(pkcs8).export({ type: 'pkcs1', format: 'pem' });
  const secret = secretOf(pkcs1.replaceAll('\n', String.raw`\n`), 5);
  expect(await credentialFrom(secret, { fresh: false })).toMatchObject({ password: 'ghs_token1' });
  expect(await verify(asked[0]?.jwt ?? '')).toBe(true);
});

it.each([
  ['JSON that is none', '{ appId: 17', 'begins like JSON'],
  ['an app without a key', '{"appId": 17, "installationId": 4}', 'privateKey: '],
  ['an app with a key that is none', '{"appId": 17, "installationId": 6, "privateKey": "s3cret"}', 'in PEM'],
  ['a key that is cut off', SSH_KEY.slice(0, 60), 'sshKey: is no private key in PEM'],
  ['a public key', JSON.stringify({ sshKey: HOST }), 'sshKey: is no private key in PEM'],
  ['a key with a passphrase', encrypted(SSH_KEY), 'sshKey: has a passphrase'],
  ['a key and the fingerprint of a host', secretWith('SHA256:s3cret17'), 'knownHosts: must be lines'],
  ['a key and no line of known_hosts', secretWith('# none\n'), 'knownHosts: must be lines'],
])(
  'credential unusable: a secret that is %s is an error that says so and does not show it',
  async (_, secret, words) => {
    gitHub();
    const given = credentialFrom(secret, { fresh: false });
    await expect(given).rejects.toMatchObject({ code: 'unusable_credential' });
    await expect(given).rejects.toThrow(words);
    await expect(given).rejects.not.toThrow(/s3cret|17/);
  },
);

it.each([
  ['itself', SSH_KEY],
  ['in JSON', JSON.stringify({ sshKey: SSH_KEY })],
  ['with its line breaks written out', SSH_KEY.trim().replaceAll('\n', String.raw`\n`)],
  ['from Windows', SSH_KEY.replaceAll('\n', '\r\n')],
])('an ssh key that is the secret, %s, is given whole, for a host that is believed', async (_, secret) => {
  const given = await credentialFrom(secret, { fresh: false });
  expect(given).toEqual({ privateKey: SSH_KEY, knownHosts: null });
});

it.each([[`# by ssh-keyscan\n\n${HOST}\n`], [HOST], [[HOST]]])(
  'a host is known by %j',
  async (knownHosts) => {
    const given = await credentialFrom(secretWith(knownHosts), { fresh: false });
    expect(given).toEqual({ privateKey: SSH_KEY, knownHosts: `${HOST}\n` });
  },
);

it('an app that GitHub refuses is an error with its words', async () => {
  gitHub(401);
  const given = credentialFrom(secretOf(pkcs8, 7), { fresh: false });
  await expect(given).rejects.toMatchObject({ code: 'git_credential' });
  await expect(given).rejects.toThrow('Bad credentials');
});
