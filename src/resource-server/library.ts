/** What the library calls itself when it announces itself to an issuer. */
export const LIBRARY_NAME = '@toolgrant/resource-server';

/** Equal to the version in package.json; a test compares them. */
export const LIBRARY_VERSION = '0.1.0';
