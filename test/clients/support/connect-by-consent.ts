import type { TestMcpClient } from './mcp-client.ts';
import type { Decision, Person } from './person.ts';

/** Lets a client ask, takes the person to the consent page, and leaves her there. */
export async function askForConsent(client: TestMcpClient, person: Person): Promise<URL> {
  const failure = await client.connect().then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isUnauthorized(failure)) throw new Error('The client was to be sent to authorization', { cause: failure });
  return openAuthorization(client, person);
}

/** Opens the authorization URL that the client wants opened, signs in where that is asked for, and leaves the person at consent. */
export async function openAuthorization(client: TestMcpClient, person: Person): Promise<URL> {
  const url = client.takeAuthorizationUrl();
  await person.open(url);
  await person.signIn();
  return url;
}

/** The whole way from the first call to a connected client. */
export async function connectByConsent(client: TestMcpClient, person: Person, decision: Decision): Promise<URLSearchParams> {
  await askForConsent(client, person);
  await person.change(decision);
  await person.press('Allow');
  const answer = await client.finish();
  await client.connect();
  return answer;
}

/** Whether an SDK says that the person is needed. */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof Error && (error.name === 'UnauthorizedError' || error.constructor.name === 'UnauthorizedError');
}
