import ssh2 from 'ssh2';
import { onTestFinished } from 'vitest';
import { createRepository } from '../../../dev/git-server/repository.ts';
import { type SshGitServer, startSshGitServer } from '../../../dev/git-server/ssh-server.ts';
import { makeWorkspace } from './control-process.ts';
import { output } from './worktrees.ts';

/** A key pair: the private key as ssh-keygen(1) writes it, the public one as `<type> <base64>`. */
export interface Key {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Makes a key pair. */
export function makeKey(): Key {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  return { privateKey: `${pair.private.trim()}\n`, publicKey: pair.public.trim() };
}

/** A git host that speaks ssh, with the repositories `rig` and `other`, for one test. */
export async function startHost(
  hostKey: Key,
  allows: (publicKey: string) => boolean,
  port = 0,
): Promise<SshGitServer> {
  const rootDir = await makeWorkspace();
  for (const name of ['rig', 'other']) await createRepository(rootDir, name, { from: import.meta.dirname });
  const host = await startSshGitServer({ rootDir, hostKey: hostKey.privateKey, allows, port });
  onTestFinished(async () => await host.close());
  return host;
}

/** The host's line of known_hosts. */
export function knownHost({ port }: SshGitServer, { publicKey }: Key): string {
  return `[127.0.0.1]:${String(port)} ${publicKey}\n`;
}

/** The command lines of the ssh-agents of one control server. */
export async function sshAgents(workspace: string): Promise<string[]> {
  const processes = await output('ps', ['axww', '-o', 'args']);
  return processes.split('\n').filter((line) => line.startsWith('ssh-agent') && line.includes(workspace));
}
