/** A collector of traces on loopback: it takes OTLP over HTTP, and reads the protobuf that arrives by hand (opentelemetry/proto/trace/v1). */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it arrived. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** Absent: it begins its trace. */
  parentSpanId?: string;
  name: string;
  /** 1 internal, 2 server, 3 client. */
  kind: number;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
  links: { traceId: string; spanId: string; state: string }[];
  /** 2: it failed. */
  status: number;
  state: string;
  resource: Record<string, unknown>;
}

/** What listens. */
export interface TraceCollector {
  endpoint: string;
  spans: ReceivedSpan[];
  /** Everything that arrived, as it was. */
  bodies: Buffer[];
  headers: IncomingHttpHeaders[];
  paths: string[];
  /** What it answers from now on; `hang`: nothing. */
  answer: { status: number } | 'hang';
  /** Settles when a span is there; rejects after 20 s. */
  waitFor(isIt: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
  stop(): Promise<void>;
}

/** Listens. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      collector.bodies.push(body);
      collector.headers.push(request.headers);
      collector.paths.push(request.url ?? '');
      if (collector.answer === 'hang') return;
      if (collector.answer.status === 200) collector.spans.push(...readRequest(body));
      response.writeHead(collector.answer.status, { 'Content-Type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const collector: TraceCollector = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    bodies: [],
    headers: [],
    paths: [],
    answer: { status: 200 },
    waitFor: async (isIt) => {
      for (let tries = 0; tries < 400; tries += 1) {
        const found = collector.spans.find(isIt);
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`no such span; there are: ${collector.spans.map(({ name }) => name).join(', ')}`);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return collector;
}

/** The fields of a message by number; each may come more than once. */
type Fields = Map<number, (Buffer | bigint)[]>;

function readMessage(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    if (at > bytes.length) throw new Error('a message ends too early');
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, type] = [tag >> 3, tag & 7];
    const value = type === 0 ? varint() : type === 1 ? take(8) : type === 5 ? take(4) : type === 2 ? take(Number(varint())) : undefined;
    if (value === undefined) throw new Error(`no such type of field: ${type}`);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

const messages = (fields: Fields, number: number) => (fields.get(number) ?? []).map((value) => readMessage(value as Buffer));
const bytesOf = (fields: Fields, number: number) => (fields.get(number)?.[0] as Buffer | undefined) ?? Buffer.alloc(0);
const text = (fields: Fields, number: number) => bytesOf(fields, number).toString('utf8');
const hex = (fields: Fields, number: number) => bytesOf(fields, number).toString('hex');

function readAttributes(fields: Fields, number: number): Record<string, unknown> {
  return Object.fromEntries(messages(fields, number).map((pair) => [text(pair, 1), readValue(messages(pair, 2)[0] ?? new Map())]));
}

function readValue(value: Fields): unknown {
  if (value.has(1)) return text(value, 1);
  if (value.has(2)) return value.get(2)?.[0] === 1n;
  if (value.has(3)) return Number(value.get(3)?.[0]);
  if (value.has(4)) return bytesOf(value, 4).readDoubleLE();
  return '(another kind of value)';
}

function readRequest(body: Buffer): ReceivedSpan[] {
  return messages(readMessage(body), 1).flatMap((resourceSpans) => {
    const resource = readAttributes(messages(resourceSpans, 1)[0] ?? new Map(), 1);
    return messages(resourceSpans, 2).flatMap((scope) => messages(scope, 2).map((span) => readSpan(span, resource)));
  });
}

function readSpan(span: Fields, resource: Record<string, unknown>): ReceivedSpan {
  const parent = hex(span, 4);
  const [status = new Map()] = messages(span, 15);
  return {
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    ...(parent !== '' && { parentSpanId: parent }),
    name: text(span, 5),
    kind: Number(span.get(6)?.[0] ?? 0n),
    attributes: readAttributes(span, 9),
    events: messages(span, 11).map((event) => ({ name: text(event, 2), attributes: readAttributes(event, 3) })),
    links: messages(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2), state: text(link, 3) })),
    status: Number(status.get(3)?.[0] ?? 0n),
    state: text(span, 3),
    resource,
  };
}
