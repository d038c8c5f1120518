import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { findFreePort } from '../support/free-port.ts';
import { startWhole, type Whole } from '../support/whole.ts';
import { runConformanceSuite } from './support/conformance-suite.ts';
import { createPerson } from './support/person.ts';

let whole: Whole;
let browser: Browser;

beforeAll(async () => {
  whole = await startWhole();
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await whole?.stop();
});

describe('the official conformance suite', () => {
  it('MCP-2, MCP-6, MCP-12: `authorization` passes in both scenarios', async () => {
    const port = await findFreePort();
    const clientId = await whole.createPublicClient({ name: 'Conformance suite', redirectUri: `http://127.0.0.1:${port}/callback` });
    const person = await createPerson(browser, whole.account);
    const { results, output } = await runConformanceSuite({
      issuer: whole.issuer.url,
      resource: whole.resource,
      clientId,
      port,
      async authorize(url) {
        await person.open(url);
        await person.signIn();
        await person.press('Allow');
      },
    });
    await person.close();

    expect([...results.keys()].sort()).toEqual(['authorization-code-grant', 'authorization-server-metadata-endpoint']);
    for (const [scenario, { passed, failed }] of results) {
      expect({ scenario, failed, output: failed === 0 ? '' : output }).toEqual({ scenario, failed: 0, output: '' });
      expect(passed).toBeGreaterThanOrEqual(1);
    }
  });
});
