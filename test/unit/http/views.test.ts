import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Eta } from 'eta';
import type { ViewName } from '../../../src/http/views/contexts.ts';
import { createRenderer, viewsFolder } from '../../../src/http/views/render.ts';
import { viewSamples } from './view-samples.ts';

const render = createRenderer();
const pages = (Object.keys(viewSamples) as ViewName[]).flatMap((name) =>
  Object.entries(viewSamples[name]).map(([sample, context]) => ({ page: `${name} ${sample}`, html: render(name, context) })),
);
const pageOf = (page: string) => pages.find((entry) => entry.page === page)?.html ?? '';
const count = (html: string, pattern: RegExp) => [...html.matchAll(pattern)].length;

describe('every view, rendered from samples', () => {
  it.each(pages)('$page is a whole document with one heading of the first rank', ({ html }) => {
    expect(html.startsWith('<!doctype html>\n<html lang="en">')).toBe(true);
    expect(count(html, /<h1>/g)).toBe(1);
    expect(count(html, /<main/g)).toBe(1);
    expect(html).toMatch(/<title>[^<]+ · localhost:4000<\/title>/);
    expect(html).not.toMatch(/undefined|\[object |NaN/);
  });

  it.each(pages)('ABUSE-78: $page has no inline script or style', ({ html }) => {
    expect(html).not.toMatch(/<script|<style|<iframe|<object|<base/i);
    for (const tag of html.match(/<[a-z][^>]*>/gi) ?? []) expect(tag.replace(/"[^"]*"/g, '""')).not.toMatch(/\s(?:style|on[a-z]+)\s*=/i);
    expect(html).not.toMatch(/javascript:/i);
  });

  it.each(pages)('ABUSE-31: each form of $page posts to the issuer and carries the form token', ({ html }) => {
    for (const form of html.match(/<form[\s\S]*?<\/form>/g) ?? []) {
      // One that only asks changes nothing; what it sends stands in an address.
      if (/^<form[^>]* role="search" method="get" action="http:\/\/localhost:4000\//.test(form)) {
        expect(form).not.toMatch(/type="hidden"|sample-form-token/);
        continue;
      }
      expect(form).toMatch(/^<form[^>]* method="post" action="http:\/\/localhost:4000\//);
      expect(form).toMatch(/<input type="hidden" name="(?:form_token|xsrf)" value="sample(?:-form-token)?">/);
    }
  });

  it('is what the template engine makes of its templates, icons that are put in beforehand or not', () => {
    const plain = new Eta({ views: viewsFolder, cache: true, autoEscape: true, autoTrim: [false, 'nl'] });
    for (const name of Object.keys(viewSamples) as ViewName[]) {
      for (const [sample, context] of Object.entries(viewSamples[name]))
        expect(pageOf(`${name} ${sample}`)).toBe(plain.render(`./${name}`, context));
    }
  });

  it('ABUSE-24: templates put nothing out raw but other templates', () => {
    const templates = readdirSync(viewsFolder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.eta'));
    expect(templates.length).toBeGreaterThan(10);
    for (const name of templates) {
      const source = readFileSync(join(viewsFolder, name), 'utf8');
      for (const [, raw] of source.matchAll(/<%~([\s\S]*?)%>/g))
        expect(raw?.trim()).toMatch(/^(?:include\('\.\/[a-z/-]+', (?:it|it\.choice|\{[^}]*\})\)|it\.body)$/);
    }
  });
});

describe('the consent page', () => {
  it('MCP-17: names the agent, says that it is not verified, shows the server, the redirect host, scope and lifetime', () => {
    const html = pageOf('consent first');
    expect(html).toMatch(/<h1><bdi class="name">Claude Code<\/bdi> asks to use <bdi class="name">Acme Issues<\/bdi><\/h1>/);
    for (const text of [
      'not verified',
      'https://mcp.acme.example/mcp',
      'localhost:53123',
      'http://localhost:53123/callback',
      'tools resources prompts',
      'at most 15 minutes',
    ])
      expect(html).toContain(text);
    expect(html).toContain(
      'You can change or end this any time at <a href="http://localhost:4000/account">http://localhost:4000/account</a>',
    );
  });

  it('MCP-17: warns where any program on the computer can take the answer, and only there', () => {
    expect(pageOf('consent first')).toContain('Did you start this yourself, just now?');
    expect(pageOf('consent app')).toContain('Did you start this yourself, just now?');
    expect(pageOf('consent web')).not.toContain('Did you start this yourself, just now?');
  });

  it.each([
    ['web', 'allow', true],
    ['lookalike', 'deny', false],
    ['lookalike-published', 'deny', false],
  ])('MCP-17: of %s makes %s the button that stands out; a check mark stands beside no danger', (sample, standsOut, isMarked) => {
    const html = pageOf(`consent ${sample}`);
    const primary = [...html.matchAll(/<button class="button button--primary"[^>]*value="(\w+)"/g)].map(([, value]) => value);
    expect(primary).toEqual([standsOut]);
    expect(/class="voucher"><svg/.test(html)).toBe(isMarked);
  });

  it('has a checkbox per tool; on a first consent nothing destructive and nothing open to the world is ticked', () => {
    const html = pageOf('consent first');
    const boxes = [...html.matchAll(/<input class="tool [^>]*>/g)].map(([box]) => box);
    expect(boxes).toHaveLength(8);
    const ticked = boxes.filter((box) => box.includes(' checked')).map((box) => /value="([^"]+)"/.exec(box)?.[1]);
    expect(ticked).toEqual(['list_issues', 'get_issue', 'create_issue', 'add_comment']);
    expect(html).toMatch(/<label for="tool-0"><bdi>List issues<\/bdi> <code>list_issues<\/code><\/label>/);
  });

  it('marks what is new and keeps what stood ticked; what changed for the worse waits', () => {
    const html = pageOf('consent repeat');
    const line = (name: string) =>
      html.slice(html.indexOf(`value="${name}"`) - 120, html.indexOf('</li>', html.indexOf(`value="${name}"`)));
    expect(line('create_issue')).toMatch(/ checked[\s\S]*allowed so far/);
    expect(line('delete_issue')).toMatch(/tag--new[^>]*>new: asked for now/);
    expect(line('send_email')).toMatch(/not allowed so far/);
    expect(line('add_comment')).toMatch(/changed since you allowed it/);
    for (const name of ['send_email', 'delete_issue', 'run_script', 'add_comment']) expect(line(name)).not.toContain(' checked');
    expect(html).toContain('<option value="unchanged" selected>20 December 2026 (as it is)</option>');
  });

  it('keeps the ticks of tools that a search hides', () => {
    const html = pageOf('consent many');
    expect(count(html, /<input class="tool /g)).toBe(11);
    expect(count(html, /<input type="hidden" class="ticked ticked--(?:read|write)" name="tool"/g)).toBe(83);
    expect(html).toContain('11 tools of 120 found');
  });

  it('weighs less than 150 KB with a hundred tools, each with its own words', () => {
    const html = pageOf('consent hundred').replaceAll(/Works on record \d+\./g, 'What it does, at length. '.repeat(12));
    expect(count(html, /<input class="tool /g)).toBe(100);
    expect(count(html, /at length\. What/g)).toBeGreaterThan(1_000);
    expect(Buffer.byteLength(html)).toBeLessThan(150_000);
  });

  it('the first submit button, which the Enter key presses, decides nothing', () => {
    for (const page of ['consent first', 'consent many', 'change drifted']) {
      const form = /<form class="decision"[\s\S]*<\/form>/.exec(pageOf(page))?.[0] ?? '';
      expect(/<button[^>]*>/.exec(form)?.[0]).toContain('value="show"');
    }
  });

  it("ABUSE-6, ABUSE-89: hostile names and descriptions are escaped, bounded, spelled out and marked as the server's own words", () => {
    const html = pageOf('consent hostile');
    expect(html).not.toMatch(/<script|<img/);
    expect(html).toContain('[U+202E]evil[U+202C] zero[U+200B]width');
    expect(html).toMatch(/The server says: <q dir="auto">x{299}…<\/q>/);
    expect(html.length).toBeLessThan(40_000);
    expect(count(html, /The server says:/g)).toBe(3);
  });
});
