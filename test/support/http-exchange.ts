import { request as httpRequest } from 'node:http';

/** A request as it goes over the wire: nothing is followed, nothing is added but what HTTP needs. */
export interface RawRequest {
  method?: string;
  /** Path and query, as they are sent. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** What came back. */
export interface RawResponse {
  status: number;
  headers: Record<string, string>;
  /** Each `Set-Cookie` line. */
  cookies: string[];
  text: string;
  /** The body as JSON; throws when it is none. */
  json<T = Record<string, unknown>>(): T;
}

/** Where to connect, and the host to ask for there. */
export interface Origin {
  port: number;
  host: string;
}

/** Sends one request. `Host` is that of the origin unless the headers say otherwise. */
export function exchange(origin: Origin, { method = 'GET', path, headers = {}, body }: RawRequest): Promise<RawResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<RawResponse>();
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const request = httpRequest(
    { host: '127.0.0.1', port: origin.port, method, path, headers: { Host: origin.host, ...length, ...headers }, agent: false },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const flat = Object.entries(response.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(', ') : (value ?? ''),
        ]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(flat),
          cookies: response.headers['set-cookie'] ?? [],
          text,
          json: () => JSON.parse(text),
        });
      });
    },
  );
  request.on('error', reject);
  request.end(body);
  return promise;
}
