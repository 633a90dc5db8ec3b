// git's credential helper (gitcredentials(7)): `git-credential.ts <socket> get` with the question on standard input.
// The answer goes from the Worker through the control server to git, and is written down nowhere.
import { text } from 'node:stream/consumers';
import { askControl } from './control-socket.ts';
import { field } from './json-field.ts';

const WAIT_MS = 5_000;

async function main([socketPath, operation]: string[]): Promise<void> {
  if (socketPath === undefined) return;
  // The host refused what it got. The question has the secret in it, which nobody needs to hear again.
  if (operation === 'erase')
    await askControl(socketPath, '/credential-refused', { body: '', waitMs: WAIT_MS });
  // Nothing is kept, so there is nothing to `store`.
  if (operation !== 'get') return;
  const question = await text(process.stdin);
  const answer = await askControl(socketPath, '/credential', { body: question, waitMs: WAIT_MS });
  if (answer.status === 200) {
    process.stdout.write(answer.text);
    return;
  }
  const reason = `${field(answer.text, 'code')}: ${field(answer.text, 'detail')}`;
  giveUp(reason, { mayPass: field(answer.text, 'retryable') === 'true' });
}

/** Without a credential git says that it was refused; `quit` keeps it from saying so of a trouble that may pass. */
function giveUp(reason: string, { mayPass }: { mayPass: boolean }): void {
  process.stderr.write(`relight-credential: ${reason}\n`);
  if (mayPass) process.stdout.write('quit=1\n');
  else process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  giveUp(error instanceof Error ? error.message : String(error), { mayPass: true });
}
