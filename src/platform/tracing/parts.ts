/** What happens while a request is answered, as it is told to whoever makes the spans. */

/** Names and codes of ours. */
export type PartAttributes = Readonly<Record<string, string | number>>;

/** A part that has begun. */
export interface OpenPart {
  run<Result>(work: () => Result): Result;
  /** `error`: why it failed. */
  end(outcome?: { error?: unknown; attributes?: PartAttributes }): void;
}

/** Begins a part of the request that is being answered; undefined where there is none, or nobody wants to know. */
export type StartPart = (name: string, about: { kind: 'client' | 'internal'; attributes?: PartAttributes }) => OpenPart | undefined;

/** Runs work as a part. */
export async function asPart<Result>(part: OpenPart | undefined, work: () => Promise<Result>): Promise<Result> {
  if (!part) return work();
  try {
    const result = await part.run(work);
    part.end();
    return result;
  } catch (error) {
    part.end({ error });
    throw error;
  }
}

/** What kind of error it is, by its code or else its class: words of ours or of the platform, never its message. */
export function errorType(error: unknown): string {
  const { code, reason, name } = (error ?? {}) as { code?: unknown; reason?: unknown; name?: unknown };
  const word = [code, reason, name].find((one) => typeof one === 'string' && /^[\w.-]{1,60}$/.test(one));
  return (word as string | undefined) ?? '_OTHER';
}
