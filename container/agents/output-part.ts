import type { OutputPart } from '../../src/contract/control.ts';
import type { KnownSecrets } from '../known-secrets.ts';
import { type AgentLog, textOf } from './agent-log.ts';

/**
 * What an agent wrote after its first `after` bytes, with every known secret blotted out. What may be the beginning of a
 * secret or of a character is left for the next time. Without `after` having been reached it begins with what is kept.
 */
export function outputAfter(agentLog: AgentLog, after: number, secrets: KnownSecrets): OutputPart {
  const { from: keptFrom, bytes } = agentLog.kept();
  const written = keptFrom + bytes.length;
  const from = after > written ? keptFrom : Math.max(after, keptFrom);
  secrets.blotOut(bytes);
  const to = written - Math.max(secrets.begunBytes(bytes), begunCharacterBytes(bytes));
  return { from, to: Math.max(from, to), text: textOf(bytes.subarray(from - keptFrom, to - keptFrom)) };
}

/** How many bytes at the end are of a UTF-8 character (RFC 3629) whose last byte is not there yet. */
function begunCharacterBytes(bytes: Uint8Array): number {
  for (let length = 1; length <= 3 && length <= bytes.length; length += 1) {
    const byte = bytes[bytes.length - length] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > length ? length : 0;
  }
  return 0;
}
