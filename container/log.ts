import { configureSync, getLogger, type LogRecord, type Sink } from '@logtape/logtape';
import type { KnownSecrets } from './known-secrets.ts';
import { JWT_PATTERN, redactByField, redactByPattern, type RedactionPattern } from '@logtape/redaction';

const SECRET_FIELDS = [/pass(?:code|phrase|word)/i, /secret/i, /token/i, /credential/i, /authorization/i];

const SECRET_SHAPES: readonly RedactionPattern[] = [
  JWT_PATTERN,
  { pattern: /\b(?:gh[pousr]_|github_pat_|glpat-)[\w-]{16,}/g, replacement: '[redacted]' },
  { pattern: /\b(bearer|basic) [\w.~+/=-]{8,}/gi, replacement: '$1 [redacted]' },
  { pattern: /(?<=:\/\/)[^\s/@"]+@/g, replacement: '[redacted]@' },
];

/**
 * The control server's log. The message is the event's name, the properties are its facts:
 * `log.info('agent.started', { rig, agent })`.
 */
export const log = getLogger(['relight', 'control']);

/** Whose log it is, on every line; what is not known yet is left out. */
export interface LogOwner {
  readonly town: string;
  readonly bootId: string;
  readonly generation: number | null;
}

/** Sends the log to standard output, one JSON object a line, without secrets. */
export function configureLog(secrets: KnownSecrets, owner: () => LogOwner | null = () => null): void {
  const format = redactByPattern((record) => jsonLine(record, owner()), [...SECRET_SHAPES]);
  const stdout: Sink = (record) => void process.stdout.write(secrets.hide(format(record)));
  process.stdout.on('error', surviveAbsentReader);
  configureSync({
    sinks: { stdout: redactByField(stdout, SECRET_FIELDS) },
    loggers: [
      { category: 'relight', lowestLevel: 'info', sinks: ['stdout'] },
      { category: ['logtape', 'meta'], lowestLevel: 'error', sinks: ['stdout'] },
    ],
  });
}

/** The facts of an error for a log line: its code if it has one, and its words. */
export function errorFacts(error: unknown): { code: string; reason: string } {
  if (!(error instanceof Error)) return { code: 'unknown', reason: String(error) };
  const code = 'code' in error ? String(error.code) : error.name;
  return { code, reason: error.message };
}

function jsonLine({ timestamp, level, message, properties }: LogRecord, owner: LogOwner | null): string {
  const at = new Date(timestamp).toISOString();
  return `${JSON.stringify({ at, level, event: message.join(''), ...owner, ...properties })}\n`;
}

function surviveAbsentReader(error: NodeJS.ErrnoException): void {
  // Agents go on working when nobody reads the log any more.
  if (error.code !== 'EPIPE') throw error;
}
