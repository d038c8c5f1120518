/** A consent receipt: what a person allowed, signed, for her to keep (in the words of ISO/IEC TS 27560 where they fit). */

/** The `typ` of its JWS. */
export const receiptType = 'consent-receipt+jwt';

/** What a receipt says; the claims of its JWT. */
export interface ReceiptClaims {
  iss: string;
  /** The person's id. */
  sub: string;
  /** In seconds. */
  iat: number;
  jti: string;
  schema_version: 'toolgrant-consent-receipt-1';
  /** The consent, and which version of it. */
  record_id: string;
  record_version: number;
  pii_principal: { id: string; email: string };
  /** Who runs the issuer. */
  pii_controller: { name: string; url: string };
  /** The agent that was allowed something. */
  recipient: { client_id: string; client_name: string | null };
  /** The MCP server that it was allowed for. */
  service: { name: string; resource: string };
  /** What was allowed; each tool with the digest of the definition that was shown. */
  permissions: {
    tools: { name: string; risk: string; open_world: boolean; digest: string; valid_until: string | null }[];
    resources: boolean;
    prompts: boolean;
  };
  /** `paused`: it allows nothing until she lets it go on. `time`: when she decided. */
  event: { state: 'given' | 'paused'; time: string };
  /** Null: until it is withdrawn. */
  valid_until: string | null;
  /** Where it is withdrawn. */
  withdrawal: string;
}

/** Reads what a receipt says and which key it names, unverified; undefined for what is none. */
export function readReceipt(jws: string): { claims: ReceiptClaims; kid: string } | undefined {
  const parts = jws.split('.');
  if (parts.length !== 3) return undefined;
  const [header, claims] = parts.slice(0, 2).map(decode);
  if (header?.['typ'] !== receiptType || typeof header['kid'] !== 'string') return undefined;
  return claims?.['schema_version'] === 'toolgrant-consent-receipt-1'
    ? { claims: claims as unknown as ReceiptClaims, kid: header['kid'] }
    : undefined;
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
