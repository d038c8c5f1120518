/** One request that a client made, with what came back. */
export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** Fields of a form body. */
  readonly form: Readonly<Record<string, string>>;
  /** The challenge, where there was one. */
  readonly challenge?: string;
}

/** A client's requests, in the order in which they were answered. */
export interface RecordedTraffic {
  readonly requests: RecordedRequest[];
  /** To be given to the SDK; passes everything on unchanged. */
  readonly fetch: typeof fetch;
  /** Requests as `POST /path 200`, queries left out. */
  lines(): string[];
  /** Requests to the token endpoint with this grant type. */
  tokenRequests(grantType: string): RecordedRequest[];
}

/** Watches what an SDK sends, without touching it. */
export function recordTraffic(): RecordedTraffic {
  const requests: RecordedRequest[] = [];
  const watched: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const challenge = response.headers.get('www-authenticate');
    requests.push({
      method: init?.method ?? 'GET',
      url: String(input instanceof Request ? input.url : input),
      status: response.status,
      form: init?.body instanceof URLSearchParams ? Object.fromEntries(init.body) : {},
      ...(challenge !== null && { challenge }),
    });
    return response;
  };
  return {
    requests,
    fetch: watched,
    lines: () => requests.map(({ method, url, status }) => `${method} ${new URL(url).pathname} ${status}`),
    tokenRequests: (grantType) => requests.filter(({ form }) => form['grant_type'] === grantType),
  };
}
