/** Clients whose id is the URL of a document about them (CIMD): what they are is what the document says, as it was fetched last. */
import { isDeepStrictEqual } from 'node:util';
import { compareClients, identityOf } from '../domain/client-change.ts';
import { isHostListed } from '../domain/host-patterns.ts';
import type { ClientId } from '../domain/ids.ts';
import { documentUrlReasons, parseDocumentUrl, parseMetadataDocument } from '../domain/metadata-document.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { isClientBeingRemoved } from '../store/client-removal.ts';
import { findClient, lockClient } from '../store/clients.ts';
import {
  addClientVersion,
  addDocumentClient,
  type DocumentClient,
  findClientVersion,
  updateDocumentClient,
} from '../store/document-clients.ts';
import type { Admission } from './limit-attempts.ts';
import { noteIdentityChange } from './note-identity-change.ts';
import { type DocumentProblem, obtainDocument } from './obtain-document.ts';
import { describeMetadata } from './register-client.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { finishConsentSweep } from './sweep-consents.ts';

/** Why a client cannot be gone by its document. */
export type DocumentClientProblem =
  /** The tenant accepts none, or none of this host. */
  | { kind: 'not-accepted'; about: 'documents' | 'host' }
  /** The URL cannot be a client id; nothing was fetched. */
  | { kind: 'url'; reason: string }
  | { kind: 'document'; problem: DocumentProblem }
  /** Too many new clients from where the request comes from. */
  | { kind: 'too-many'; retryAfterSeconds: number }
  /** An administrator is just removing it; afterwards it can come back as a new one. */
  | { kind: 'being-removed' };

/** Done, or why not. */
export type DocumentClientAdmission = { ok: true } | { ok: false; problem: DocumentClientProblem };

/** Whose request it is, and how it is counted when the client is new: as a registration. */
export interface DocumentClientRequest {
  clientId: string;
  origin: Origin;
  /** Groups addresses that belong to one caller. */
  caller: string;
  admit(): Promise<Admission>;
}

/**
 * Makes sure that a client whose id is a URL is known as its document describes it now; done where an authorization request needs
 * it, and nowhere else: what was allowed goes on whether the document can be had or not. A blocked client stays as it is.
 */
export async function admitDocumentClient(
  runtime: Runtime,
  tenant: Tenant,
  request: DocumentClientRequest,
): Promise<DocumentClientAdmission> {
  const { clientId, origin } = request;
  const { metadataDocuments, documentHosts, deniedDocumentHosts } = tenant.settings;
  if (metadataDocuments === 'off') return refuse({ kind: 'not-accepted', about: 'documents' });
  const parsed = parseDocumentUrl(clientId);
  if ('problem' in parsed) return refuse({ kind: 'url', reason: documentUrlReasons[parsed.problem] });
  const { host } = parsed;
  if (!isHostListed(documentHosts, host) || isHostListed(deniedDocumentHosts, host)) {
    return refuse({ kind: 'not-accepted', about: 'host' });
  }
  const id = clientId as ClientId;
  const client = await findClient(runtime.store, tenant.id, id);
  if (client?.blockedAt) return { ok: true };
  const admission = client ? undefined : await request.admit();
  if (admission && !admission.isAdmitted) return refuse({ kind: 'too-many', retryAfterSeconds: admission.retryAfterSeconds });
  const document = await obtainDocument(runtime, tenant, {
    kind: 'client-metadata',
    url: clientId,
    read: (json) => {
      const read = parseMetadataDocument(clientId, json);
      return read.ok ? { ok: true, value: read.metadata } : { ok: false, reason: read.problem.reason };
    },
    isReliedOn: client?.firstAuthorizedAt !== undefined,
    caller: request.caller,
  });
  if (!document.ok) return refuse({ kind: 'document', problem: document.problem });
  const { value: metadata, fetchedAt } = document;
  const said: DocumentClient = { id, metadata, fetchedAt };
  if (!client && !(await introduce(runtime, tenant, { said, origin }))) return refuse({ kind: 'being-removed' });
  if (client && !isDeepStrictEqual(client.metadata, metadata)) await takeOver(runtime, tenant, { said, origin });
  return { ok: true };
}

function refuse(problem: DocumentClientProblem): DocumentClientAdmission {
  return { ok: false, problem };
}

/** False when the row of the client that was there before has not gone yet. */
async function introduce(runtime: Runtime, tenant: Tenant, { said, origin }: { said: DocumentClient; origin: Origin }): Promise<boolean> {
  const { id, metadata } = said;
  const at = runtime.clock.now();
  return transact(runtime.store, async (db) => {
    // Of those that come together, one adds it.
    if (!(await addDocumentClient(db, tenant.id, { ...said, createdAt: at }))) {
      return !(await isClientBeingRemoved(db, { tenantId: tenant.id, clientId: id }));
    }
    await addClientVersion(db, tenant.id, { clientId: id, version: 1, identity: identityOf(metadata, sha256), since: at });
    const detail = describeMetadata(id, metadata);
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'client.registered', outcome: 'success', at, clientId: id, detail });
    return true;
  });
}

/** What people decide by makes a new version of it, and they are asked again; the rest is taken over in silence. */
async function takeOver(runtime: Runtime, tenant: Tenant, { said, origin }: { said: DocumentClient; origin: Origin }): Promise<void> {
  const { id, metadata } = said;
  const at = runtime.clock.now();
  await transact(runtime.store, async (db) => {
    await lockClient(db, tenant.id, id);
    const client = await findClient(db, tenant.id, id);
    if (!client || isDeepStrictEqual(client.metadata, metadata) || !(await updateDocumentClient(db, tenant.id, said))) return;
    const identity = identityOf(metadata, sha256);
    const before = await findClientVersion(db, tenant.id, { clientId: id, version: client.version ?? 0 });
    const change = before && compareClients(before, identity);
    if (change || !before) await addClientVersion(db, tenant.id, { clientId: id, version: (client.version ?? 0) + 1, identity, since: at });
    await noteIdentityChange(runtime, db, { tenant, client, metadata, origin });
    const detail = { ...describeMetadata(id, metadata), change: change ?? null };
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'client.updated', outcome: 'success', at, clientId: id, detail });
  });
  await finishConsentSweep(runtime, { tenantId: tenant.id, clientId: id });
}
