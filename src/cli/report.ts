import type { Io } from './io.ts';
import { plainJson } from './plain-text.ts';

/** What a command answers, for programs and for people. */
export interface Report {
  json: unknown;
  text: string;
}

/** Prints a report in the form that was asked for. */
export function printReport(io: Io, report: Report, { json }: { json: boolean }): void {
  io.out(json ? `${plainJson(report.json)}\n` : `${report.text}\n`);
}

/** Prints why there is no report. */
export function printProblem(io: Io, problem: { code: string; message: string }, { json }: { json: boolean }): void {
  io.err(json ? `${plainJson({ error: problem })}\n` : `${problem.message}\n`);
}
