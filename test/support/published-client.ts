/** Clients that are a document, as their makers publish them, and what a person sees of them. */
import type { DocumentHost } from './document-host.ts';
import type { TestIssuer, TestServer } from './issuer.ts';
import { authorizationUrl, newPkce, type TestClient } from './oauth-client.ts';
import type { Browser } from './person.ts';

/** Who asks, and where the answer is to go. */
export type AskingClient = Pick<TestClient, 'clientId' | 'redirectUri'>;

/** A published client. */
export interface PublishedClient {
  client: AskingClient;
  /** `https://` and its host. */
  origin: string;
  name: string;
  /** Publishes the document with other members. */
  change(members: Record<string, unknown>): void;
  /** From now on its host answers with nothing but this status; without one it cuts the connection. */
  fail(status?: number): void;
  /** How often the document was asked for. */
  fetches(): number;
}

let counted = 0;

/** The number in the host of the client that is published next. */
export function nextNumber(): number {
  return counted + 1;
}

/** Publishes a client at a host of its own, which its redirect URI is at too. */
export function publishClient(host: DocumentHost, members: Record<string, unknown> = {}, options: { id?: string } = {}): PublishedClient {
  counted += 1;
  const origin = `https://agent-${counted}.example`;
  const clientId = options.id === undefined ? `${origin}/client.json` : `${origin}${options.id}`;
  const redirectUri = `${origin}/callback`;
  const name = `Agent ${counted}`;
  const document = { client_id: clientId, client_name: name, redirect_uris: [redirectUri], ...members };
  host.serve(clientId, document);
  return {
    client: { clientId, redirectUri },
    origin,
    name,
    change: (changed) => host.serve(clientId, { ...document, ...changed }),
    fail: (status) => host.fail(clientId, status),
    fetches: () => host.requests.filter((place) => `https://${place}` === clientId).length,
  };
}

/** An authorization request of a client. */
export function requestOf(issuer: Pick<TestIssuer, 'url' | 'origin' | 'send'>, client: AskingClient, server: TestServer): string {
  return authorizationUrl(issuer, client, { code_challenge: newPkce().challenge, resource: server.resource });
}

/** Where a request ends in a browser: at a page, or at a redirect that leads away. */
export async function visit(browser: Browser, url: string) {
  return browser.follow(await browser.get(url));
}
