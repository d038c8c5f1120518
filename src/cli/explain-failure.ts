import { BadUsage, CommandFailed } from './failure.ts';
import { plainText } from './plain-text.ts';

/** A failure as it is shown. */
export interface ExplainedFailure {
  code: string;
  message: string;
  exitCode: 1 | 2;
}

/** Turns whatever a command threw into words. Problems of settings and starts are known by name, so that nothing is loaded for it. */
export function explainFailure(error: unknown): ExplainedFailure {
  if (error instanceof BadUsage) return { code: 'usage', message: error.message, exitCode: 2 };
  if (error instanceof CommandFailed) return { code: error.code, message: error.message, exitCode: 1 };
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === 'ConfigError') return { code: 'settings', message: `The settings cannot be used:\n${indent(message)}`, exitCode: 1 };
  if (name === 'StartProblem') return { code: 'start', message, exitCode: 1 };
  if (name === 'PasswordHashingBusy') return { code: 'busy', message: 'Too many passwords are being hashed. Try again.', exitCode: 1 };
  return { code: 'fault', message: `This should not have happened: ${plainText(message)}\n${stackOf(error)}`, exitCode: 1 };
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

/** Where it happened, for whoever mends it. */
function stackOf(error: unknown): string {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  return lines.slice(0, 8).join('\n');
}
