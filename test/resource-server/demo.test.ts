import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDemoServer, type DemoServer } from '../../src/demo/demo-server.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { postWith, resultOf, rpc, type Sent, send } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const issuer = new FakeIssuer({ key });
let demo: DemoServer;
let base: string;

beforeAll(async () => {
  demo = createDemoServer({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch });
  base = `http://localhost:${await demo.listen(0)}`;
});

afterAll(() => demo.close());

function post(body: unknown, scope: string): Promise<Sent> {
  return postWith(issuer, { url: `${base}/mcp`, body, scope });
}

describe('the demo', () => {
  it('listens on both loopback addresses', async () => {
    const port = Number(new URL(base).port);
    for (const host of ['127.0.0.1', '[::1]']) expect((await send(`http://${host}:${port}/`)).text).toContain(RESOURCE);
  });

  it('has annotated tools of every risk, each with a title and words that a person understands', async () => {
    const tools = resultOf(await post(rpc('tools/list'), 'catalogue'))['tools'] as {
      title: string;
      description: string;
      annotations: { readOnlyHint: boolean; destructiveHint?: boolean; openWorldHint: boolean };
    }[];
    expect(tools.every((tool) => tool.title.length > 0 && tool.description.length > 10)).toBe(true);
    const count = (test: (annotations: (typeof tools)[number]['annotations']) => boolean) =>
      tools.filter((tool) => test(tool.annotations)).length;
    expect(count((hints) => hints.readOnlyHint)).toBe(5);
    expect(count((hints) => !hints.readOnlyHint && hints.destructiveHint === false && !hints.openWorldHint)).toBe(5);
    expect(count((hints) => hints.destructiveHint === true)).toBe(2);
    expect(count((hints) => hints.openWorldHint)).toBe(2);
  });

  it('every tool does what it says', async () => {
    const run = async (name: string, args: Record<string, unknown> = {}): Promise<string> => {
      const sent = await post(rpc('tools/call', { name, arguments: args }), `tool:${name}`);
      return (resultOf(sent)['content'] as { text: string }[])[0]?.text ?? '';
    };
    const { tracker } = demo;
    expect(await run('list_issues', { status: 'closed' })).toMatch(/^#5 .*\n#6 .*$/);
    expect(await run('search_issues', { query: 'BILLING' })).toBe('#2 [open] Invoices show yesterday as the due date (nobody)');
    expect(await run('search_issues', { query: 'nothing like it' })).toBe('No issues.');
    expect(await run('list_comments', { id: 2 })).toContain('margaret:');
    expect(await run('list_people')).toBe('ada\ngrace\nlinus\nmargaret');
    expect(await run('create_issue', { title: 'New', labels: ['bug'] })).toContain('#7 New');
    await run('comment_on_issue', { id: 7, text: 'Hm.' });
    await run('assign_issue', { id: 7, assignee: 'ada' });
    await run('close_issue', { id: 7 });
    expect(tracker.getIssue(7)).toMatchObject({ status: 'closed', assignee: 'ada', comments: [{ author: 'agent', text: 'Hm.' }] });
    await run('reopen_issue', { id: 7 });
    expect(tracker.getIssue(7).status).toBe('open');
    await run('delete_issue', { id: 7 });
    expect(await run('get_issue', { id: 7 })).toBe('There is no issue 7.');
    expect(await run('assign_issue', { id: 1, assignee: 'mallory' })).toContain('nobody called');
    expect(await run('purge_closed')).toBe('Deleted 2 closed issue(s).');
    expect(tracker.listIssues('closed')).toEqual([]);
    await run('send_report_email', { to: 'boss@example.com' });
    await run('post_to_chat', { message: 'Done.' });
    expect(tracker.outbox.map(({ channel, to }) => [channel, to])).toEqual([
      ['email', 'boss@example.com'],
      ['chat', '#tracker'],
    ]);
  });

  it('a port that is taken is an error, not a hang', async () => {
    const second = createDemoServer({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch });
    await expect(second.listen(Number(new URL(base).port))).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await second.close();
  });

  it('a client that hangs up in the middle leaves the server well', async () => {
    const { port } = new URL(base);
    const headers = { authorization: `Bearer ${await issuer.token()}`, 'content-type': 'application/json', 'content-length': '100' };
    await new Promise<void>((resolve) => {
      const request = httpRequest({ port, path: '/mcp', method: 'POST', headers });
      request.on('error', () => undefined).on('close', () => resolve());
      request.write('{');
      setTimeout(() => request.destroy(), 50);
    });
    expect((await post(rpc('ping'), 'tool:x')).status).toBe(200);
  });
});
