/** One connection to a loopback port, over which any bytes can be sent as a request, and which reads whatever is answered. */
import { connect, type Socket } from 'node:net';

/** What came back. */
export interface WireAnswer {
  status: number;
  /** Names in lower case; each with all its values. */
  headers: ReadonlyMap<string, readonly string[]>;
  body: string;
  /** From the last byte sent to the last one read. */
  ms: number;
}

/** The server closed the connection, or fell silent, without a whole answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** How a request goes out. */
export interface WireOptions {
  /** Answers to HEAD have no body, whatever their headers say. */
  isHead: boolean;
  /** Says that nothing more comes; then the connection is not used again. */
  endsConnection: boolean;
}

const patienceMs = 60_000;

/** Keeps a connection open as long as both sides want to. One request at a time. */
export class Wire {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends one request and reads its answer. Throws `NoAnswer`. A connection that the server had closed meanwhile is opened anew. */
  async send(bytes: Buffer, options: WireOptions): Promise<WireAnswer> {
    const kept = options.endsConnection ? undefined : this.#socket;
    if (kept?.writable) {
      try {
        return await this.#exchange(kept, bytes, options);
      } catch (error) {
        if (!(error instanceof NoAnswer) || error.message !== closedEmpty) throw error;
      }
    }
    this.close();
    return this.#exchange(connect(this.#port, '127.0.0.1'), bytes, options);
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #exchange(socket: Socket, bytes: Buffer, { isHead, endsConnection }: WireOptions): Promise<WireAnswer> {
    const reader = new AnswerReader(isHead);
    const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
    const sentAt = performance.now();
    const finish = () => {
      const stays = reader.keepsConnection && !endsConnection;
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      if (stays) this.#socket = socket;
      else {
        socket.destroy();
        this.#socket = undefined;
      }
      resolve({ ...reader.answer, ms: performance.now() - sentAt });
    };
    const fail = (message: string) => {
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
      this.#socket = undefined;
      reject(new NoAnswer(message));
    };
    socket.setTimeout(patienceMs, () => fail(`silence after ${JSON.stringify(reader.seen.slice(0, 200))}`));
    socket.on('data', (chunk: Buffer) => reader.read(chunk) && finish());
    // Told by `close`; what was read before counts.
    socket.on('error', () => undefined);
    socket.on('close', () =>
      reader.end() ? finish() : fail(reader.seen === '' ? closedEmpty : `closed after ${reader.seen.slice(0, 200)}`),
    );
    socket.write(bytes);
    if (endsConnection) socket.end();
    return promise;
  }
}

const closedEmpty = 'closed without an answer';

/** Reads one HTTP/1.1 answer from the bytes of a connection. */
class AnswerReader {
  readonly #isHead: boolean;
  #rest = '';
  #head: { status: number; headers: Map<string, string[]> } | undefined;
  #body: string | undefined;
  seen = '';

  constructor(isHead: boolean) {
    this.#isHead = isHead;
  }

  /** Takes bytes; true once the answer is whole. Bytes are kept as characters until then. */
  read(chunk: Buffer): boolean {
    const text = chunk.toString('latin1');
    this.#rest += text;
    if (this.seen.length < 1_000) this.seen += text;
    while (!this.#head) {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return false;
      const head = readHead(this.#rest.slice(0, end));
      this.#rest = this.#rest.slice(end + 4);
      if (head.status >= 200) this.#head = head;
    }
    this.#body = this.#wholeBody(this.#head);
    return this.#body !== undefined;
  }

  /** The connection was closed: true when that was how the answer ends. */
  end(): boolean {
    if (this.#head && this.#body === undefined && this.#endsByClosing(this.#head)) this.#body = this.#rest;
    return this.#body !== undefined;
  }

  get keepsConnection(): boolean {
    const connection = this.#head?.headers.get('connection')?.join() ?? '';
    return this.#body !== undefined && !/close/i.test(connection) && this.#head !== undefined && !this.#endsByClosing(this.#head);
  }

  get answer(): Omit<WireAnswer, 'ms'> {
    const { status = 0, headers = new Map() } = this.#head ?? {};
    return { status, headers, body: Buffer.from(this.#body ?? '', 'latin1').toString('utf8') };
  }

  #endsByClosing({ status, headers }: { status: number; headers: Map<string, string[]> }): boolean {
    return !this.#isHead && status !== 204 && status !== 304 && !headers.has('content-length') && !headers.has('transfer-encoding');
  }

  #wholeBody(head: { status: number; headers: Map<string, string[]> }): string | undefined {
    const { status, headers } = head;
    if (this.#isHead || status === 204 || status === 304) return '';
    if (headers.has('transfer-encoding')) return readChunks(this.#rest);
    if (this.#endsByClosing(head)) return undefined;
    const length = Number(headers.get('content-length')?.[0]);
    return this.#rest.length >= length ? this.#rest.slice(0, length) : undefined;
  }
}

function readHead(text: string): { status: number; headers: Map<string, string[]> } {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]), headers };
}

/** The body of all chunks; undefined until the last one is there. */
function readChunks(text: string): string | undefined {
  let body = '';
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = Number.parseInt(text.slice(at, end), 16);
    if (text.length < end + 2 + size + 2) return undefined;
    if (size === 0) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}
