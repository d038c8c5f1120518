import { type Access, createAccess } from '../../../src/resource-server/access.ts';
import { Permissions } from '../../../src/resource-server/permissions.ts';

/** An access as a token of this scope would give it. */
export function accessWith(scope: string, facts: { subject?: string; clientId?: string; consentId?: string | undefined } = {}): Access {
  return createAccess(
    {
      subject: 'usr_ada',
      clientId: 'client-1',
      consentId: 'cns_1',
      tokenId: 'jti-1',
      selection: undefined,
      expiresAtSeconds: Date.parse('2026-11-23T12:15:00Z') / 1000,
      status: undefined,
      scope,
      ...facts,
    },
    new Permissions(scope),
    { issuer: 'https://issuer.example', resource: 'http://localhost:4001/mcp' },
  );
}
