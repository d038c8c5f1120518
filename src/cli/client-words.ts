import type { AnswerPlace, ClientKind } from '../domain/client-trust.ts';
import type { LookAlike } from '../domain/look-alike.ts';
import type { Quarantine } from '../domain/quarantine.ts';
import type { Client } from './find-client.ts';
import { minute } from './plain-text.ts';

/** Its name, or that it has none. */
export function clientName({ metadata }: Pick<Client, 'metadata'>): string {
  return metadata.name ?? '(without a name)';
}

/** How it came to be. */
export function originWords({ kind, demo }: Pick<Client, 'kind' | 'demo'>): string {
  const words: Readonly<Record<ClientKind, string>> = {
    manual: 'made by hand',
    dynamic: 'registered itself',
    document: 'published as a document',
  };
  return `${words[kind]}${demo ? ', demo' : ''}`;
}

/** What administrators and settings say of it, in a few words. */
export function standingWords({ blockedAt, verifiedAt }: Client, quarantine: Quarantine | undefined): string {
  if (blockedAt) return 'blocked';
  if (quarantine) return `quarantine${quarantine.endsAt ? ` until ${minute(quarantine.endsAt)}` : ''}`;
  return verifiedAt ? 'verified' : '';
}

/** Where an answer goes. */
export function placeWords(place: AnswerPlace): string {
  switch (place.kind) {
    case 'web':
      return place.host;
    case 'loopback':
      return `${place.host} (any program on the person's computer)`;
    case 'app':
      return `${place.scheme}:// (any app that claims this scheme)`;
    default:
      return place satisfies never;
  }
}

/** A warning, as a sentence. */
export function lookAlikeWords(found: LookAlike): string {
  switch (found.kind) {
    case 'confusable-name':
      return `The name looks like "${found.known}", but is written with other characters.`;
    case 'name-from-elsewhere':
      return `The name is that of ${found.known}${found.knownHost === undefined ? '' : ` (${found.knownHost})`}, but ${found.host} is another host.`;
    case 'host-looks-like':
      return `${found.host} looks like ${found.knownHost} (${found.known}), but is another host.`;
    case 'mixed-alphabets':
      return `"${found.word}" mixes letters of alphabets that look alike.`;
    default:
      return found satisfies never;
  }
}

/** Protocol fields in the protocol's spelling; never the secret's digest. */
export function clientToJson(client: Client) {
  const { id, kind, metadata, demo, createdAt, firstAuthorizedAt, blockedAt, verifiedAt, quarantinedAt, quarantineEndsAt } = client;
  const { previousSecret, identityChangedAt, serviceAccountId } = client;
  return {
    client_id: id,
    client_name: metadata.name ?? null,
    redirect_uris: metadata.redirectUris,
    token_endpoint_auth_method: metadata.authMethod,
    ...(metadata.jwks && { jwks: { keys: metadata.jwks } }),
    ...(metadata.jwksUri !== undefined && { jwks_uri: metadata.jwksUri }),
    grant_types: metadata.grants,
    application_type: metadata.applicationType,
    kind,
    demo,
    createdAt,
    identityChangedAt: identityChangedAt ?? null,
    firstAuthorizedAt: firstAuthorizedAt ?? null,
    verifiedAt: verifiedAt ?? null,
    quarantinedAt: quarantinedAt ?? null,
    quarantineEndsAt: quarantineEndsAt ?? null,
    blockedAt: blockedAt ?? null,
    service_account: serviceAccountId ?? null,
    previousSecretUntil: previousSecret?.until ?? null,
  };
}
