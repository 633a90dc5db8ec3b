// The ssh that git runs (`core.sshCommand` of git-config(1)): `git-ssh.ts <socket> <key socket> <known hosts file>` and
// git's own arguments. For the rig's host it has the control server fetch the key, and signs through the key socket.
import { spawn } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { askControl } from './control-socket.ts';
import { field } from './json-field.ts';

const WAIT_MS = 5_000;
/** What ssh itself ends with when it cannot connect or log in. */
const SSH_FAILED = 255;
/** Nobody is there to answer a question, and a host that has gone silent is not waited for (ssh_config(5)). */
const UNATTENDED = ['BatchMode=yes', 'ConnectTimeout=15', 'ServerAliveInterval=15', 'ServerAliveCountMax=4'];

const [socket = '', keySocket = '', knownHostsFile = '', ...args] = process.argv.slice(2);

try {
  const answer = await askControl(socket, '/ssh', { body: placeIn(args), waitMs: WAIT_MS });
  if (answer.status !== 200) giveUp(`${field(answer.text, 'code')}: ${field(answer.text, 'detail')}`);
  else if (answer.text === '') run(options(UNATTENDED), {});
  else run(ownOptions(field(answer.text, 'knownHosts')), { SSH_AUTH_SOCK: keySocket });
} catch (error) {
  giveUp(error instanceof Error ? error.message : String(error));
}

function giveUp(reason: string): void {
  process.stderr.write(`relight-credential: ${reason}\n`);
  process.exitCode = SSH_FAILED;
}

/** Where git wants to: its arguments end with `<user@host> <command>`. */
function placeIn(given: string[]): string {
  const destination = given.at(-2) ?? '';
  const port = given[given.indexOf('-p') + 1] ?? '';
  return `host=${destination.slice(destination.lastIndexOf('@') + 1)}\nport=${given.includes('-p') ? port : '22'}\n`;
}

/** For the rig's host: its key and no other, and no configuration of whoever runs this. */
function ownOptions(knownHosts: string): string[] {
  const isKnown = knownHosts !== 'null';
  mkdirSync(dirname(knownHostsFile), { recursive: true });
  if (isKnown) {
    // Whole at once: another ssh may be reading it.
    const whole = `${knownHostsFile}.${String(process.pid)}`;
    writeFileSync(whole, knownHosts);
    renameSync(whole, knownHostsFile);
  }
  const own = [
    'IdentityFile=none',
    'PreferredAuthentications=publickey',
    `StrictHostKeyChecking=${isKnown ? 'yes' : 'accept-new'}`,
    `UserKnownHostsFile="${knownHostsFile.replaceAll('%', '%%')}"`,
    'GlobalKnownHostsFile=none',
    'UpdateHostKeys=no',
    'CheckHostIP=no',
  ];
  return ['-F', 'none', ...options([...UNATTENDED, ...own])];
}

function options(settings: string[]): string[] {
  return settings.flatMap((setting) => ['-o', setting]);
}

function run(before: string[], env: Record<string, string>): void {
  const ssh = spawn('ssh', [...before, ...args], { env: { ...process.env, ...env }, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ssh.kill(signal));
  ssh.on('error', (error) => giveUp(`git_failed: ${error.message}`));
  ssh.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal ?? 'SIGTERM'];
  });
}
