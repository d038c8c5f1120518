import { mkdirSync } from 'node:fs';
import type { Config } from 'jest';

// The test scripts leave their results here for `npm run test:count`; Jest does not make the folder.
mkdirSync('.tmp/test-results', { recursive: true });

/**
 * Three projects. `unit` needs no database and takes seconds; `system` drives the running product; `deep` holds the
 * long ones (`npm run test:deep`). Tests run as native ES modules, TypeScript by SWC (`.swcrc`); nothing in
 * `node_modules` is transformed.
 */
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'mjs', 'js', 'cjs', 'json', 'node'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  transformIgnorePatterns: ['/node_modules/'],
  modulePathIgnorePatterns: ['<rootDir>/.toolgrant/', '<rootDir>/.tmp/', '<rootDir>/dist/'],
} satisfies Config;

const withDatabase = {
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
} satisfies Config;

const config: Config = {
  maxWorkers: 2,
  // Jest reads it here only, not per project; the long tests bring their own (`npm run test:deep`).
  testTimeout: 60_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/{unit,architecture}/**/*.test.ts'],
    },
    {
      ...shared,
      ...withDatabase,
      displayName: 'system',
      testMatch: ['<rootDir>/test/{flows,abuse,browser,clients,resource-server,gateway,faults}/**/*.test.ts'],
    },
    {
      ...shared,
      ...withDatabase,
      displayName: 'deep',
      testMatch: ['<rootDir>/test/deep/**/*.test.ts'],
    },
  ],
};

export default config;
