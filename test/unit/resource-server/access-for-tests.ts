import { type Access, createAccess } from '../../../src/resource-server/access.ts';
import { parseScope } from '../../../src/resource-server/scope.ts';

/** An access as a token of this scope would give it. */
export function accessWith(scope: string, facts: { subject?: string; clientId?: string; consentId?: string | undefined } = {}): Access {
  return createAccess(
    {
      subject: 'usr_ada',
      clientId: 'client-1',
      consentId: 'cns_1',
      tokenId: 'jti-1',
      selection: undefined,
      expiresAt: new Date('2026-11-23T12:15:00Z'),
      status: undefined,
      scope,
      ...facts,
    },
    { issuer: 'https://issuer.example', resource: 'http://localhost:4001/mcp', parsed: parseScope(scope), selected: undefined },
  );
}
