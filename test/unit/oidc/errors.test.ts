import { describe, expect, it } from '@jest/globals';
import type { Failure } from '../../../src/domain/failures.ts';
import { toFaultAnswer, toTokenError } from '../../../src/oidc/errors.ts';

describe('wire errors', () => {
  it.each<[Failure['kind'], string]>([
    ['unknown-user', 'invalid_grant'],
    ['user-disabled', 'invalid_grant'],
    ['client-blocked', 'invalid_grant'],
    ['consent-ended', 'invalid_grant'],
    ['consent-expired', 'invalid_grant'],
    ['installation-ended', 'invalid_grant'],
    ['unknown-installation', 'invalid_grant'],
    ['unknown-resource', 'invalid_target'],
    ['unknown-tool', 'invalid_scope'],
  ])('the failure %s is told as %s', (kind, error) => {
    expect(toTokenError({ kind, reason: '', resource: '', tool: '' } as Failure)).toMatchObject({ error, statusCode: 400 });
  });

  it('a failure that cannot be one of a token request is a fault', () => {
    for (const kind of ['nothing-ticked', 'page-outdated'] as const) expect(toTokenError({ kind })).not.toHaveProperty('statusCode');
  });

  it('a database that is away is 503, everything else is 500, and neither says why', () => {
    const away = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:5432'), { code: 'ECONNREFUSED' });
    expect(toFaultAnswer(new Error('outer', { cause: away }))).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
    expect(toFaultAnswer(new TypeError('x is not a function'))).toMatchObject({ status: 500, error: 'server_error' });
    for (const fault of [away, 'text', null, undefined, 42])
      expect(JSON.stringify(toFaultAnswer(fault))).not.toMatch(/10\.0\.0\.1|ECONN|text|invalid_/);
  });
});
