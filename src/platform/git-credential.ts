import { createPrivateKey } from 'node:crypto';
import { createAppAuth } from '@octokit/auth-app';
import { request } from '@octokit/request';
import { z } from 'zod';
import type { Credential } from '../contract/callbacks.ts';
import { RelightError } from '../contract/errors.ts';

/** What git hosts take as the user name beside a token. */
const TOKEN_USER = 'x-access-token';

/** A GitHub App in a git secret; `apiUrl` is for GitHub Enterprise Server. */
const GitHubApp = z.object({
  appId: z.union([z.string(), z.int()]),
  installationId: z.union([z.string(), z.int()]).transform(Number),
  privateKey: z.string(),
  apiUrl: z.url({ protocol: /^https?$/ }).default('https://api.github.com'),
});
type GitHubApp = z.infer<typeof GitHubApp>;

/** Apps by their secret: each keeps its installation token until it is about to expire. */
const apps = new Map<string, ReturnType<typeof createAppAuth>>();

/**
 * What git is told of a rig's secret: a token as it is, or an installation token of the GitHub App that the secret is the
 * JSON of (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app). `fresh` asks for a new
 * one, because the last was refused. Throws RelightError `git_credential`.
 */
export async function credentialFrom(secret: string, { fresh }: { fresh: boolean }): Promise<Credential> {
  if (!secret.trimStart().startsWith('{')) return { username: TOKEN_USER, password: secret };
  try {
    const auth = apps.get(secret) ?? openApp(secret);
    const { token } = await auth({ type: 'installation', refresh: fresh });
    return { username: TOKEN_USER, password: token };
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new RelightError('git_credential', `the GitHub App gives no token: ${why}`, { cause: error });
  }
}

function openApp(secret: string): ReturnType<typeof createAppAuth> {
  const { appId, installationId, privateKey, apiUrl } = readApp(secret);
  const auth = createAppAuth({
    appId,
    installationId,
    privateKey: inPkcs8(privateKey),
    request: request.defaults({ baseUrl: apiUrl }),
  });
  apps.set(secret, auth);
  return auth;
}

/** Never shows what was read: it is a secret also where it is wrong. */
function readApp(secret: string): GitHubApp {
  let json: unknown;
  try {
    json = JSON.parse(secret);
  } catch {
    throw new Error('the secret begins like JSON, and is none');
  }
  const app = GitHubApp.safeParse(json);
  if (app.success) return app.data;
  const fields = app.error.issues.map(({ path }) => path.join('.')).join(', ');
  throw new Error(`the secret needs appId, installationId and privateKey; wrong: ${fields}`);
}

/** GitHub gives keys out in PKCS #1, and Web Crypto reads PKCS #8 only. */
function inPkcs8(pem: string): string {
  return createPrivateKey(pem.replaceAll('\\n', '\n')).export({ type: 'pkcs8', format: 'pem' });
}
