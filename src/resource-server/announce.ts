import { basicAuthorization, type ServerCredential } from './credentials.ts';
import type { IssuerHttp } from './issuer-http.ts';
import { LIBRARY_NAME, LIBRARY_VERSION } from './library.ts';

const RETRY_SECONDS = 300;

/**
 * Tells the issuer once that this server runs this library, so that its pages may promise quick
 * revocation. Returned function: call it whenever a token is verified; it never waits, never
 * throws, and after a failure tries again five minutes later.
 */
export function createAnnouncer(
  issuer: string,
  credential: ServerCredential,
  context: { readonly http: IssuerHttp; readonly now: () => Date },
): () => void {
  const url = `${issuer.replace(/\/$/, '')}/servers/hello`;
  let isSettled = false;
  let nextTryMs = 0;

  async function announce(): Promise<void> {
    try {
      const { status } = await context.http.post(url, {
        contentType: 'application/json',
        headers: { authorization: basicAuthorization(credential) },
        body: JSON.stringify({ library: LIBRARY_NAME, version: LIBRARY_VERSION }),
        maxBytes: 64 * 1024,
      });
      isSettled = status >= 200 && status < 300;
    } catch {
      // The announcement is a courtesy: what it fails with has no bearing on any token.
    }
  }

  return () => {
    if (isSettled) return;
    const nowMs = context.now().getTime();
    if (nowMs < nextTryMs) return;
    nextTryMs = nowMs + RETRY_SECONDS * 1000;
    void announce();
  };
}
