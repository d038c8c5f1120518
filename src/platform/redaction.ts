/**
 * What must not be read in a log is taken out of it: by the name of a member, and by its look inside texts.
 * Made for log records only; nothing is decided on its results.
 */

const redacted = '[redacted]';
const maxDepth = 8;
const maxEntries = 100;
const maxTextLength = 8_192;

/** Names (without `-`, `_` and case) whose value is a secret whatever it looks like. */
const secretName =
  /(?:authorization|cookie|password|passphrase|secret|token|assertion|credential|verifier|apikey|privatekey|privatejwk|seed|csrf|passwordhash|databaseurl)s?$|^(?:code|otp|usercode|devicecode|link|d|p|q|dp|dq|qi|k)$/;

const secretLooks: readonly [RegExp, string][] = [
  [/\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]{6,}/gi, `$1 ${redacted}`],
  [/\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)*/g, redacted],
  [/\btgk_[0-9A-Za-z]{6,}/g, redacted],
  // Parameters of a URL or a form.
  [
    /\b((?:access_|refresh_|id_|csrf_?|registration_access_|subject_|actor_)?token|code|state|(?:client_|app_)?secret|password|code_verifier|(?:client_)?assertion|device_code|user_code|api_?key|link)=[^&\s#"'<>]+/gi,
    `$1=${redacted}`,
  ],
  // User and password before a host.
  [/(\w:\/\/)[^/\s:@]*:[^/\s@]*@/g, `$1${redacted}@`],
  // One-time links carry their token as a step of the path; no id of ours is that long.
  [/\/[\w-]{40,}(?=[/?#\s"')]|$)/g, `/${redacted}`],
];

/** A text without what looks like a secret, of bounded length. */
export function redactText(text: string): string {
  const bounded = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return secretLooks.reduce((result, [look, replacement]) => result.replace(look, replacement), bounded);
}

/** A copy without secrets, of bounded size; errors become plain objects with their causes. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value;
  if (depth >= maxDepth) return '[deeper]';
  if (value instanceof Error) return redactError(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, maxEntries).map((item) => redact(item, depth + 1));
  if (value instanceof URL) return redactText(value.href);
  const entries = Object.entries(value).slice(0, maxEntries);
  return Object.fromEntries(entries.map(([name, member]) => [name, isSecret(name, member) ? redacted : redact(member, depth + 1)]));
}

function isSecret(name: string, value: unknown): boolean {
  return value !== undefined && value !== null && typeof value !== 'boolean' && secretName.test(name.replace(/[-_]/g, '').toLowerCase());
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    type: name,
    message: redactText(message),
    // Of an error, `code` is the system's or the database's, not a secret.
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(stack !== undefined && { stack: redactText(stack) }),
    ...(error instanceof AggregateError && { errors: error.errors.slice(0, 10).map((one) => redact(one, depth + 1)) }),
    ...(cause !== undefined && { cause: redact(cause, depth + 1) }),
  };
}
