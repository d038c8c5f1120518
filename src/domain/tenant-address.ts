/**
 * Where tenants are: each has an issuer URL, by default `<base>/t/<slug>`, else one of its own. No request can mean two of them:
 * issuer URLs never lie within one another, but for those that the base keeps its `/t/` for.
 */
import { areNested, type IssuerUrlProblem, issuerPath, readIssuerUrl } from './issuer-url.ts';

/** Slugs that would read as something else in commands and documents. */
const reservedSlugs: ReadonlySet<string> = new Set(['root', 'default', 'all', 'none', 'new']);

/** The first path segments that answer for the process, or for all issuers of a host. */
const reservedSegments: ReadonlySet<string> = new Set(['.well-known', 'healthz', 'readyz', 'metrics']);

/** Why a slug cannot be one. */
export type SlugProblem = 'malformed' | 'reserved';

/** A slug is 1 to 32 of a–z, 0–9 and hyphens between them: it stands in URLs and in the names of cookies. */
export function findSlugProblem(slug: string): SlugProblem | undefined {
  if (!/^(?=.{1,32}$)[a-z0-9]+(?:-[a-z0-9]+)*$/.test(slug)) return 'malformed';
  return reservedSlugs.has(slug) ? 'reserved' : undefined;
}

/** The issuer URL of a tenant that has none of its own. */
export function pathIssuer(base: string, slug: string): string {
  return `${base}/t/${slug}`;
}

/** Why a tenant cannot have an issuer URL. `nested`: a request could mean this one or `other`. */
export type TenantIssuerProblem =
  | IssuerUrlProblem
  | { problem: 'bad-host' }
  | { problem: 'bad-path' }
  | { problem: 'nested'; other: string };

/**
 * Judges an issuer URL for a new tenant beside those that there are; `base` is the root tenant's.
 * Paths are plain words: nothing that proxies and browsers might spell in another way.
 */
export function findTenantIssuerProblem(
  issuer: string,
  about: { slug: string; base: string; others: readonly string[] },
): TenantIssuerProblem | undefined {
  const read = readIssuerUrl(issuer);
  if ('problem' in read) return read;
  if (read.url.hostname.endsWith('.')) return { problem: 'bad-host' };
  const isBelowBase = issuer === pathIssuer(about.base, about.slug);
  const segments = issuerPath(issuer).split('/').slice(1);
  const isPlain =
    isBelowBase || (segments.length <= 4 && segments.every((segment) => /^[A-Za-z0-9]+(?:[._~-][A-Za-z0-9]+)*$/.test(segment)));
  if (!isPlain || reservedSegments.has(segments[0] ?? '')) return { problem: 'bad-path' };
  const other = about.others.find((standing) => areNested(issuer, standing) && !(isBelowBase && standing === about.base));
  return other === undefined ? undefined : { problem: 'nested', other };
}
