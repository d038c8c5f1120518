import type { Report } from './report.ts';

/** The command cannot do what was asked: exit code 1. The message says why, and the next step. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  /** Stable, for scripts. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The command was not understood: exit code 2. */
export class BadUsage extends Error {
  override readonly name = 'BadUsage';
}

/** What was asked for has an answer, and it is a bad one: it is printed like any report, and the exit code is 1. */
export class FailureReported extends Error {
  override readonly name = 'FailureReported';
  readonly report: Report;

  constructor(report: Report) {
    super('the report says what is wrong');
    this.report = report;
  }
}
