import { basicAuthorization, type ServerCredential } from './credentials.ts';
import { type IssuerHttp, parseJsonObject } from './issuer-http.ts';
import { isJsonObject, ownText } from './json-rpc.ts';

/** Says that reports were dropped; it has an id for the same reason as they have. */
export interface DropNote {
  readonly id: string;
  readonly count: number;
  readonly since: Date;
}

/** What became of a batch. */
export type ReportAnswer =
  | {
      readonly kind: 'taken';
      /** Those that the issuer would not have, by their place in the batch. */
      readonly refused: ReadonlyMap<number, { readonly member: string; readonly message: string }>;
      /** The issuer's clock. */
      readonly now: Date | undefined;
    }
  /** The issuer will never read this batch. */
  | { readonly kind: 'unreadable'; readonly message: string }
  /** It did not arrive, or there is nobody who could take it now. */
  | { readonly kind: 'failed'; readonly message: string; readonly retryAfterSeconds: number };

/** Sends reports, each a JSON text. Never rejects. */
export type SendReports = (reports: readonly string[], dropped: DropNote | undefined) => Promise<ReportAnswer>;

const MAX_ANSWER_BYTES = 1024 * 1024;

/** How long nothing is sent to an issuer that does not accept our credential, or knows no reports. */
const HOPELESS_RETRY_SECONDS = 60;

/** Makes the way to an issuer's `/servers/reports`. */
export function createReportSender(issuer: string, credential: ServerCredential, http: IssuerHttp): SendReports {
  const url = `${issuer.replace(/\/$/, '')}/servers/reports`;
  const authorization = basicAuthorization(credential);
  return async (reports, dropped) => {
    const note = dropped === undefined ? '' : `"dropped":${JSON.stringify(dropped)},`;
    try {
      const answer = await http.post(url, {
        contentType: 'application/json',
        headers: { authorization },
        body: `{${note}"reports":[${reports.join(',')}]}`,
        maxBytes: MAX_ANSWER_BYTES,
      });
      return readAnswer(answer);
    } catch (error) {
      return { kind: 'failed', message: `The issuer cannot be reached: ${String(error)}`, retryAfterSeconds: 0 };
    }
  };
}

function readAnswer({ status, bytes, retryAfterSeconds }: Awaited<ReturnType<IssuerHttp['post']>>): ReportAnswer {
  if (status === 200) return readTaken(parseJsonObject(bytes));
  const message = `The issuer answered reports with ${status}.`;
  if (status === 400 || status === 413 || status === 422) return { kind: 'unreadable', message };
  if (status === 401 || status === 403 || status === 404) return { kind: 'failed', message, retryAfterSeconds: HOPELESS_RETRY_SECONDS };
  return { kind: 'failed', message, retryAfterSeconds: retryAfterSeconds ?? 0 };
}

function readTaken(answer: Record<string, unknown>): ReportAnswer {
  const refused = new Map<number, { member: string; message: string }>();
  for (const one of Array.isArray(answer.refused) ? (answer.refused as unknown[]) : []) {
    if (!isJsonObject(one) || typeof one.index !== 'number') continue;
    const member = ownText(one, 'member') ?? '';
    refused.set(one.index, { member, message: `A report was refused: ${member}: ${ownText(one, 'message') ?? ''}` });
  }
  const now = new Date(ownText(answer, 'now') ?? '');
  return { kind: 'taken', refused, now: Number.isNaN(now.getTime()) ? undefined : now };
}
