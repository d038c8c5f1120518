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
  /** Hands the next so many refusals (401) on together: those who meet them then see to their credentials at one moment. */
  gatherRefusals(count: number): void;
}

/** Watches what an SDK sends, without touching it. */
export function recordTraffic(): RecordedTraffic {
  const requests: RecordedRequest[] = [];
  let awaited = 0;
  let gathered = Promise.withResolvers<void>();
  const gather = async () => {
    awaited -= 1;
    if (awaited === 0) gathered.resolve();
    await gathered.promise;
  };
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
    if (response.status === 401 && awaited > 0) await gather();
    return response;
  };
  return {
    requests,
    fetch: watched,
    lines: () => requests.map(({ method, url, status }) => `${method} ${new URL(url).pathname} ${status}`),
    tokenRequests: (grantType) => requests.filter(({ form }) => form['grant_type'] === grantType),
    gatherRefusals: (count) => {
      awaited = count;
      gathered = Promise.withResolvers<void>();
    },
  };
}
