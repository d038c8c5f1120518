import { createLogger, type Logger, type LogLevel } from '../platform/logger.ts';

export type { Logger } from '../platform/logger.ts';

/** Where the logs of workers go: lines, each with its end, and what they write to standard error. */
export interface LogOutput {
  log(lines: string): void;
  error(lines: string): void;
}

/** Makes a log for machines: JSON lines on standard output. */
export function createJsonLog(level: LogLevel): Logger {
  return createLogger({ level });
}

/**
 * Makes a log for a person at a terminal: warnings and worse, one short line each.
 * @param write is given a line without its end; what strangers wrote stands in it as it is, so it must be made inert there
 */
export function createTerminalLog(write: (line: string) => void): Logger {
  return createLogger({ level: 'warn', destination: { write: (line) => write(shortLine(line)) } });
}

/** The same of whole lines that a worker wrote. */
export function shortLines(lines: string): string[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map(shortLine);
}

/** `Warning: the text · the error's message · (member=value …)`. */
function shortLine(line: string): string {
  const { level, time: _, message, error, ...members } = JSON.parse(line) as Record<string, unknown> & { level: string };
  const label = level === 'warn' ? 'Warning' : 'Error';
  const facts = Object.entries(members).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const reason = (error as { message?: string; stack?: string } | undefined)?.message;
  const parts = [`${label}: ${String(message ?? 'something went wrong')}`, reason, facts.length > 0 ? `(${facts.join(' ')})` : undefined];
  return parts.filter((part) => part !== undefined).join(' · ');
}
