import { base64url, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { readBounded } from './issuer-http.ts';

/** Bounds what a compressed list may grow into: 16 million tokens at one bit each. */
const MAX_LIST_BYTES = 2 * 1024 * 1024;

/** A decoded IETF Token Status List: a value of one, two, four or eight bits for each index. */
export interface StatusList {
  /** How many indexes the list has. */
  readonly length: number;
  /** The status at an index: 0 is VALID. Throws RangeError beyond the list's length. */
  statusAt(index: number): number;
}

/** What a status list token has to agree with. */
export interface ReadStatusListOptions {
  readonly uri: string;
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly clockToleranceSeconds: number;
  readonly findKey: JWTVerifyGetKey;
  readonly now: Date;
}

/**
 * Reads a status list token (`typ: statuslist+jwt`): signed by the issuer, `sub` equal to the URI it
 * was fetched from, not expired. Throws on anything else: a list that is not understood is no list.
 */
export async function readStatusListToken(token: string, options: ReadStatusListOptions): Promise<StatusList> {
  const { payload } = await jwtVerify(token, options.findKey, {
    algorithms: [...options.algorithms],
    typ: 'statuslist+jwt',
    subject: options.uri,
    clockTolerance: options.clockToleranceSeconds,
    currentDate: options.now,
    requiredClaims: ['iat', 'status_list'],
  });
  if (payload.iss !== undefined && payload.iss !== options.issuer) {
    throw new Error('The status list is from another issuer.');
  }
  const { bits, lst } = payload.status_list as { bits?: unknown; lst?: unknown };
  if (typeof bits !== 'number' || ![1, 2, 4, 8].includes(bits) || typeof lst !== 'string') {
    throw new Error('The status list is malformed.');
  }
  return createStatusList(await inflate(base64url.decode(lst)), bits);
}

/** A status list over its uncompressed bytes; within a byte the lowest bits come first. */
export function createStatusList(bytes: Uint8Array, bits: number): StatusList {
  const perByte = 8 / bits;
  const length = bytes.byteLength * perByte;
  const mask = 2 ** bits - 1;
  return {
    length,
    statusAt(index) {
      const byte = bytes[Math.floor(index / perByte)];
      if (byte === undefined) throw new RangeError(`Index ${index} is beyond a status list of ${length}.`);
      return (byte >> ((index % perByte) * bits)) & mask;
    },
  };
}

async function inflate(compressed: Uint8Array): Promise<Uint8Array> {
  const source = new Blob([compressed.slice()]).stream();
  return readBounded({ body: source.pipeThrough(new DecompressionStream('deflate')) }, MAX_LIST_BYTES);
}
