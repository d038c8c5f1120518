/** A person, two agents of hers and the demo server, through the five tasks of `docs/five-tasks.md`, in their order. */
import type { Browser, Page } from 'playwright-core';
import { askForConsent } from '../clients/support/connect-by-consent.ts';
import type { TestMcpClient } from '../clients/support/mcp-client.ts';
import { createPerson, type Person } from '../clients/support/person.ts';
import { createSdkV2Client } from '../clients/support/sdk-v2-client.ts';
import type { Whole } from './whole.ts';
import { perform, type WrittenTask } from './written-tasks.ts';

/** What is there when a task has been done. */
export interface PlayedTask {
  page: Page;
  first: TestMcpClient;
  second: TestMcpClient;
}

/** What happens beside the presses: pictures, and what is looked at after each task. */
export interface Beside {
  see?: (page: Page, picture: string) => Promise<void>;
  done?: (task: number, played: PlayedTask) => Promise<void>;
}

/** Plays them. */
export async function playTasks(browser: Browser, whole: Whole, tasks: readonly WrittenTask[], { see, done }: Beside): Promise<void> {
  const person = await createPerson(browser, whole.account);
  const first = await createSdkV2Client(whole.resource, { clientName: 'Claude Code' });
  const second = await createSdkV2Client(whole.resource, { clientName: 'Cursor' });
  const { page } = person;
  const account = `${whole.issuer.url}/account`;
  const before = [
    () => askForConsent(first, person),
    () => person.open(account),
    () => useAndBeRefused(first, person, account),
    () => askForConsent(second, person),
    () => person.open(account),
  ];
  const after = [() => goOn(first), undefined, undefined, () => goOn(second)];
  try {
    for (const [index, task] of tasks.entries()) {
      await before[index]?.();
      await perform(task, page, see && ((picture) => see(page, picture)));
      await after[index]?.();
      await done?.(index + 1, { page, first, second });
    }
  } finally {
    await Promise.all([first.close(), second.close()]);
    await person.close();
  }
}

async function goOn(client: TestMcpClient): Promise<void> {
  await client.finish();
  await client.connect();
}

/** One call that is allowed and one that is not; the reports of them come to the issuer when they come. */
async function useAndBeRefused(client: TestMcpClient, { page, open }: Person, account: string): Promise<void> {
  await client.callTool('list_issues');
  await client.callTool('close_issue', { id: 1 }).catch(() => undefined);
  const isTold = async () => {
    await open(account);
    return (await page.getByRole('link', { name: 'why?' }).isVisible()) && (await page.getByText('List issues once').isVisible());
  };
  while (!(await isTold()));
}
