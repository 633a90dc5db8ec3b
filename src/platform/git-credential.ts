import { createPrivateKey } from 'node:crypto';
import { createAppAuth } from '@octokit/auth-app';
import { request } from '@octokit/request';
import { z } from 'zod';
import type { Credential } from '../contract/callbacks.ts';
import { RelightError } from '../contract/errors.ts';
import { readSecret } from './secrets.ts';
import { SshKeySecret, sshCredentialFrom } from './ssh-credential.ts';

/** What git hosts take as the user name beside a token. */
const TOKEN_USER = 'x-access-token';

/** A GitHub App in a git secret; `apiUrl` is for GitHub Enterprise Server. */
const GitHubApp = z.object({
  appId: z.union([z.string(), z.int()]),
  installationId: z.union([z.string(), z.int()]).transform(Number),
  privateKey: z.string().transform(inPkcs8),
  apiUrl: z.url({ protocol: /^https?$/ }).default('https://api.github.com'),
});

/** Apps by their secret: each keeps its installation token until it is about to expire. */
const apps = new Map<string, ReturnType<typeof createAppAuth>>();

/**
 * What a rig names as its credential. Throws RelightError `unknown_credential` where there is no such secret, and as
 * `credentialFrom`.
 */
export function credentialOf(env: Env, name: string, wanted: { fresh: boolean }): Promise<Credential> {
  return credentialFrom(readSecret(env, `GIT_CREDENTIAL_${name}`, 'unknown_credential'), wanted);
}

/**
 * What a rig's secret gives: a token as it is; an installation token of the GitHub App that the secret is the JSON of
 * (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app); or an ssh key, which is the
 * secret itself or in its JSON. `fresh` asks for a new token, because the last was refused. Throws RelightError
 * `unusable_credential` for a secret that is none of these, and `git_credential`.
 */
export async function credentialFrom(secret: string, { fresh }: { fresh: boolean }): Promise<Credential> {
  const text = secret.trim();
  if (text.startsWith('-----BEGIN ')) return sshCredentialFrom(parse(SshKeySecret, { sshKey: text }));
  if (!text.startsWith('{')) return { username: TOKEN_USER, password: secret };
  const json = parseJson(text);
  if ('sshKey' in json) return sshCredentialFrom(parse(SshKeySecret, json));
  const auth = apps.get(secret) ?? openApp(secret, parse(GitHubApp, json));
  try {
    const { token } = await auth({ type: 'installation', refresh: fresh });
    return { username: TOKEN_USER, password: token };
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new RelightError('git_credential', `the GitHub App gives no token: ${why}`, { cause: error });
  }
}

function openApp(
  secret: string,
  { apiUrl, ...app }: z.infer<typeof GitHubApp>,
): ReturnType<typeof createAppAuth> {
  const auth = createAppAuth({ ...app, request: request.defaults({ baseUrl: apiUrl }) });
  apps.set(secret, auth);
  return auth;
}

function parseJson(text: string): object {
  try {
    return z.looseObject({}).parse(JSON.parse(text));
  } catch {
    // Without the cause: its words show a piece of the secret.
    throw new RelightError('unusable_credential', 'the secret begins like JSON, and is none');
  }
}

/** Never shows what was read: it is a secret also where it is wrong. */
function parse<Schema extends z.ZodType>(schema: Schema, json: object): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new RelightError('unusable_credential', `the secret cannot be used (${faults.join('; ')})`);
}

/** GitHub gives keys out in PKCS #1, and Web Crypto reads PKCS #8 only. */
function inPkcs8(pem: string, context: z.RefinementCtx): string {
  try {
    return createPrivateKey(pem.replaceAll('\\n', '\n')).export({ type: 'pkcs8', format: 'pem' });
  } catch {
    context.addIssue('is no private key in PEM');
    return z.NEVER;
  }
}
