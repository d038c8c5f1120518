/** What sealed values are bound to, so that none can be put in the place of another. They stand in envelopes: never change one. */
export const sealPurposes = {
  signingKey: 'signing-key',
  serverHeaders: 'server-headers',
  artifactId: 'artifact-id',
} as const;
