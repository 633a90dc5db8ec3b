import { configureSync, getConsoleSink, getLogger, jsonLinesFormatter } from '@logtape/logtape';
import { redactByField, redactByPattern, JWT_PATTERN } from '@logtape/redaction';
import type { RedactionPattern } from '@logtape/redaction';

const BEARER: RedactionPattern = { pattern: /Bearer\s+[^\s"]+/gi, replacement: 'Bearer [redacted]' };
const URL_PASSWORD: RedactionPattern = { pattern: /\/\/[^/\s:@]+:[^/\s@]+@/g, replacement: '//[redacted]@' };

/** Facts of one log line: ids, counts, milliseconds. Never a secret. */
export type Facts = Readonly<Record<string, string | number | boolean | null>>;

configureSync({
  sinks: {
    console: redactByField(
      getConsoleSink({ formatter: redactByPattern(jsonLinesFormatter, [JWT_PATTERN, BEARER, URL_PASSWORD]) }),
      { fieldPatterns: [/token/i, /password/i, /secret/i, /authorization/i], action: () => '[redacted]' },
    ),
  },
  loggers: [
    { category: 'relight', sinks: ['console'], lowestLevel: 'info' },
    { category: ['logtape', 'meta'], sinks: ['console'], lowestLevel: 'error' },
  ],
  reset: true,
});

const logger = getLogger(['relight', 'worker']);

/** Writes one event: something that happened, in words joined by dots, with its facts. */
export function logEvent(event: string, facts: Facts): void {
  logger.info(event, facts);
}

/** Writes one event that went wrong and was dealt with where it is logged. */
export function logTrouble(event: string, error: unknown, facts: Facts = {}): void {
  logger.warn(event, {
    ...facts,
    error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  });
}
