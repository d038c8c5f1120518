/** Bodies of requests, read strictly: their type, their size, and what is in them. */
import type { IncomingMessage } from 'node:http';
import { HttpProblem } from './http-problem.ts';

/** The most that a route accepts unless it says otherwise. */
export const defaultBodyBytes = 32 * 1024;

/** The most fields of one form: a consent has one for each ticked tool. */
const maxFields = 5_000;

/** How deep JSON may be nested; nothing that is sent here is deeper than four. */
const maxJsonDepth = 16;

/** A form: every field with its values, in order. Its names are strangers' and never become keys of an object. */
export interface Form {
  /** The only value of a field; empty when it is absent. Throws when it came twice. */
  text(name: string): string;
  all(name: string): readonly string[];
  names(): readonly string[];
}

/** Reads an HTML form. Throws `form-unreadable` or `body-too-large`. */
export async function readForm(request: IncomingMessage, maxBytes: number = defaultBodyBytes): Promise<Form> {
  if (mediaTypeOf(request) !== 'application/x-www-form-urlencoded') throw new HttpProblem('form-unreadable', { message: 'not a form' });
  const text = await readText(request, maxBytes);
  if (text.split('&').length > maxFields) throw new HttpProblem('form-unreadable', { message: 'too many fields' });
  const fields = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (/[\0\uFFFD]/.test(name) || /[\0\uFFFD]/.test(value)) throw new HttpProblem('form-unreadable', { message: 'not text' });
    const values = fields.get(name);
    if (values) values.push(value);
    else fields.set(name, [value]);
  }
  return {
    text(name) {
      const [value = '', ...more] = fields.get(name) ?? [];
      if (more.length > 0) throw new HttpProblem('form-unreadable', { message: 'a field came twice' });
      return value;
    },
    all: (name) => fields.get(name) ?? [],
    names: () => [...fields.keys()],
  };
}

/** Reads a JSON object. Throws `bad-request` or `body-too-large`. */
export async function readJsonObject(request: IncomingMessage, maxBytes: number = defaultBodyBytes): Promise<ReadonlyMap<string, unknown>> {
  if (mediaTypeOf(request) !== 'application/json') throw new HttpProblem('bad-request', { message: 'not JSON' });
  const text = await readText(request, maxBytes);
  if (jsonDepth(text) > maxJsonDepth) throw new HttpProblem('bad-request', { message: 'JSON nested too deeply' });
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HttpProblem('bad-request', { message: 'not a JSON object' });
  return new Map(Object.entries(value));
}

/** Reads a body as UTF-8 text without NUL. */
async function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) throw new HttpProblem('body-too-large');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new HttpProblem('body-too-large');
    chunks.push(chunk);
  }
  const text = decode(Buffer.concat(chunks));
  if (text.includes('\0')) throw new HttpProblem('bad-request', { message: 'NUL in a body' });
  return text;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new HttpProblem('bad-request', { message: 'not UTF-8', cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HttpProblem('bad-request', { message: 'not JSON', cause });
  }
}

/**
 * How deep brackets are nested, strings left out; counted before parsing, in one pass over the characters. No pattern: one for
 * strings tries an open one anew from each quote in it, and a body of 32 KiB kept the process busy for a second.
 */
function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') inString = !inString;
    else if (inString) at += character === '\\' ? 1 : 0;
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth -= 1;
  }
  return deepest;
}

function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
