/** The pages that a person meets on the way to a token, as her browser fetches them: sign-in, and consent to a server with many tools. */
import { Browser, signInOn } from '../../test/support/person.ts';
import type { CodeRequest, PageVisitor } from './contenders/contender.ts';
import type { Lane, LoadRequest } from './load.ts';

/** Which of the two. */
export type BenchedPage = 'login-page' | 'consent-page';

/** How many people there are; connections share them. */
export const visitorCount = 8;

/** Lanes in which visitors fetch one page again and again. */
export async function makePageLanes(
  origin: string,
  visitors: readonly PageVisitor[],
  asked: { page: BenchedPage; request: CodeRequest; connections: number },
): Promise<Lane[]> {
  const lanes = await Promise.all(visitors.map((visitor) => goTo(origin, visitor, asked)));
  return Array.from({ length: asked.connections }, (_, place) => lanes[place % lanes.length] as Lane);
}

async function goTo(origin: string, visitor: PageVisitor, { page, request }: { page: BenchedPage; request: CodeRequest }): Promise<Lane> {
  const { host, port } = new URL(origin);
  const browser = new Browser({ host, port: Number(port) });
  const query = new URLSearchParams({
    ...{ response_type: 'code', client_id: request.clientId, redirect_uri: request.redirectUri, resource: visitor.resource },
    ...{ code_challenge: request.codeChallenge, code_challenge_method: 'S256', state: 'bench', scope: 'tools' },
  });
  let at = await stepBy(browser, `/authorize?${query}`);
  if (page === 'consent-page') {
    await signInOn(browser, await browser.get(at), visitor);
    at = await stepBy(browser, `/authorize?${query}`);
  }
  const shown = await browser.get(at);
  const isRight = shown.status === 200 && shown.text.includes(page === 'consent-page' ? 'name="tool"' : 'name="password"');
  if (!isRight) throw new Error(`${page}: another page came, with status ${shown.status}`);
  const cookie = [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
  const { pathname, search } = new URL(at, origin);
  const fetched: LoadRequest = { method: 'GET', path: pathname + search, headers: { accept: 'text/html', cookie } };
  return { expectedStatus: 200, next: () => fetched };
}

/** Follows redirects to a page; returns its path. */
async function stepBy(browser: Browser, url: string): Promise<string> {
  const { location } = (await browser.get(url)).headers;
  if (location === undefined) return url;
  return stepBy(browser, location);
}
