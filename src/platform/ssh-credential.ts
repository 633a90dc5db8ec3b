import { z } from 'zod';
import type { SshCredential } from '../contract/callbacks.ts';

/** A private key as ssh-keygen(1) writes it, whole, whatever became of its line breaks on the way into the secret. */
const PrivateKey = z
  .string()
  .transform((pem) => `${pem.replaceAll('\\n', '\n').replaceAll('\r', '').trim()}\n`)
  .refine((pem) => !/^-----BEGIN ENCRYPTED |^Proc-Type: .*ENCRYPTED/m.test(pem), 'has a passphrase')
  .refine(
    (pem) => /^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\n[^-]+\n-----END \1?PRIVATE KEY-----\n$/.test(pem),
    'is no private key in PEM',
  );

/** A line of a known_hosts file: SSH_KNOWN_HOSTS FILE FORMAT of sshd(8). */
const KNOWN_HOST =
  /^(?:@(?:cert-authority|revoked)\s+)?\S+\s+[a-z][\w@.-]+\s+[A-Za-z0-9+/]{20,}={0,3}(?:\s.*)?$/;

const KnownHosts = z
  .union([z.string(), z.array(z.string()).transform((lines) => lines.join('\n'))])
  .transform((text) =>
    text.split(/\r?\n|\\n/).filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#')),
  )
  .refine((lines) => lines.length > 0 && lines.every((line) => KNOWN_HOST.test(line)), {
    message: 'must be lines as ssh-keyscan prints them',
  });

/** A git secret with an ssh key: the private key, and the lines of known_hosts that the host is known by. */
export const SshKeySecret = z.object({ sshKey: PrivateKey, knownHosts: KnownHosts.optional() });

/** What the control server gets of such a secret. */
export function sshCredentialFrom({ sshKey, knownHosts }: z.infer<typeof SshKeySecret>): SshCredential {
  return { privateKey: sshKey, knownHosts: knownHosts === undefined ? null : `${knownHosts.join('\n')}\n` };
}
