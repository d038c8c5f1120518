/** A person with a browser that knows forms, cookies and redirects, and nothing else: what the pages must work with. */
import { exchange, type Origin, type RawResponse } from './http-exchange.ts';
import type { TestIssuer, TestPerson } from './issuer.ts';

/** One form of a page. */
export interface PageForm {
  action: string;
  /** Fields as they stand, each with its values. */
  fields: [name: string, value: string][];
  /** Names and values of all checkboxes, ticked or not. */
  boxes: { name: string; value: string; label: string; ticked: boolean }[];
}

/** What the person decides on the consent page. */
export interface Decision {
  /** Names of the tools to tick, all others off; absent: as the page shows them. */
  tools?: readonly string[];
  resources?: boolean;
  prompts?: boolean;
  duration?: string;
  /** Presses Deny. */
  deny?: boolean;
}

/** A browser with its cookies. */
export class Browser {
  readonly #origin: Origin;
  /** `name` to value and path. */
  readonly cookies = new Map<string, { value: string; path: string }>();

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  /** Fetches a page of the issuer; nothing is followed. */
  async get(url: string, headers: Record<string, string> = {}): Promise<RawResponse> {
    return this.#send('GET', url, { headers });
  }

  /** Posts a form as a browser on the issuer's own page does. */
  async post(url: string, fields: readonly (readonly [string, string])[], headers: Record<string, string> = {}): Promise<RawResponse> {
    const body = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString();
    const sent = { Origin: `http://${this.#origin.host}`, 'Content-Type': 'application/x-www-form-urlencoded', ...headers };
    return this.#send('POST', url, { headers: sent, body });
  }

  /** Follows redirects within the issuer, and stops at a page or at a redirect that leads away. */
  async follow(response: RawResponse): Promise<RawResponse> {
    let current = response;
    for (let hops = 0; hops < 10; hops += 1) {
      const { location } = current.headers;
      if (current.status < 300 || current.status > 399 || location === undefined || !this.isAtIssuer(location)) return current;
      current = await this.get(location);
    }
    throw new Error('redirects in a circle');
  }

  isAtIssuer(url: string): boolean {
    return new URL(url, `http://${this.#origin.host}`).host === this.#origin.host;
  }

  async #send(method: string, url: string, options: { headers: Record<string, string>; body?: string }): Promise<RawResponse> {
    const { pathname, search } = new URL(url, `http://${this.#origin.host}`);
    const cookie = [...this.cookies].filter(([, { path }]) => pathname.startsWith(path)).map(([name, { value }]) => `${name}=${value}`);
    const headers = { Accept: 'text/html', ...(cookie.length > 0 && { Cookie: cookie.join('; ') }), ...options.headers };
    const response = await exchange(this.#origin, { ...options, method, path: pathname + search, headers });
    for (const line of response.cookies) this.#keep(line);
    return response;
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(/; */);
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(name.length + 1);
    const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
    const isGone = value === '' || attributes.some((attribute) => /^expires=Thu, 01 Jan 1970/i.test(attribute));
    if (isGone) this.cookies.delete(name);
    else this.cookies.set(name, { value, path });
  }
}

/** Reads the forms of a page. */
export function readForms(html: string): PageForm[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes = '', content = '']) => readForm(attributes, content));
}

/** Where the link of that name leads; undefined when the page has none. */
export function linkNamed(html: string, name: string): string | undefined {
  const [, href] = new RegExp(`<a href="([^"]+)"[^>]*>${name}</a>`).exec(html) ?? [];
  return href === undefined ? undefined : unescapeHtml(href);
}

function readForm(attributes: string, content: string): PageForm {
  const form: PageForm = { action: attributeOf(attributes, 'action') ?? '', fields: [], boxes: [] };
  for (const [, input = ''] of content.matchAll(/<input\b([^>]*)>/g)) {
    const name = attributeOf(input, 'name');
    if (name === undefined) continue;
    const value = attributeOf(input, 'value') ?? '';
    if (attributeOf(input, 'type') !== 'checkbox') form.fields.push([name, value]);
    else form.boxes.push({ name, value, label: labelOf(content, attributeOf(input, 'id')), ticked: / checked\b/.test(input) });
  }
  for (const [, select = '', options = ''] of content.matchAll(/<select\b([^>]*)>([\s\S]*?)<\/select>/g)) {
    const chosen = [...options.matchAll(/<option\b([^>]*)>/g)].find(([, option = '']) => / selected\b/.test(option));
    form.fields.push([attributeOf(select, 'name') ?? '', attributeOf(chosen?.[1] ?? '', 'value') ?? '']);
  }
  return form;
}

function labelOf(content: string, id: string | undefined): string {
  const [, label = ''] = new RegExp(`<label for="${id}">([\\s\\S]*?)</label>`).exec(content) ?? [];
  return unescapeHtml(label.replaceAll(/<[^>]+>/g, ''));
}

function attributeOf(tag: string, name: string): string | undefined {
  const [, value] = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(tag) ?? [];
  return value === undefined ? undefined : unescapeHtml(value);
}

function unescapeHtml(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[name] ?? whole;
  });
}

/** Goes to an authorization URL, signs in if asked, decides, and returns where the browser is sent in the end. */
export async function decide(
  browser: Browser,
  url: string,
  { person, decision = {} }: { person: TestPerson; decision?: Decision },
): Promise<URL> {
  let page = await browser.follow(await browser.get(url));
  if (page.status === 200 && page.text.includes('name="password"')) page = await signInOn(browser, page, person);
  if (page.status === 200) page = await answerConsent(browser, page, decision);
  const { location } = page.headers;
  if (location === undefined) throw new Error(`the request ended in a page: ${page.status} ${page.text.slice(0, 500)}`);
  return new URL(location);
}

/** Fills in a sign-in page; returns what comes after. */
export async function signInOn(browser: Browser, page: RawResponse, person: Pick<TestPerson, 'email' | 'password'>): Promise<RawResponse> {
  const [form] = readForms(page.text);
  if (!form) throw new Error('no sign-in form');
  const typed = new Map([
    ['email', person.email],
    ['password', person.password],
  ]);
  const fields = form.fields.map(([name, value]) => [name, typed.get(name) ?? value] as const);
  return browser.follow(await browser.post(form.action, fields));
}

/** A new browser, in which that person is signed in. */
export async function signedIn({ origin, url }: Pick<TestIssuer, 'origin' | 'url'>, person: TestPerson): Promise<Browser> {
  const browser = new Browser(origin);
  await signInOn(browser, await browser.get(`${url}/account`), person);
  return browser;
}

/** Fills in a consent page; returns what comes after. */
export async function answerConsent(browser: Browser, page: RawResponse, decision: Decision): Promise<RawResponse> {
  const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
  if (!form) throw new Error(`no consent form: ${page.text.slice(0, 500)}`);
  return browser.follow(await browser.post(form.action, consentFields(form, decision)));
}

/** The fields a browser would send for a decision. */
export function consentFields(form: PageForm, decision: Decision): [string, string][] {
  const isTicked = ({ name, value, ticked }: PageForm['boxes'][number]) => {
    if (name === 'tool') return decision.tools ? decision.tools.includes(value) : ticked;
    if (name === 'resources') return decision.resources ?? ticked;
    return decision.prompts ?? ticked;
  };
  const fields = form.fields.map(([name, value]): [string, string] => [name, name === 'duration' ? (decision.duration ?? value) : value]);
  const boxes = form.boxes.filter(isTicked).map(({ name, value }): [string, string] => [name, value]);
  return [...fields, ...boxes, ['do', decision.deny ? 'deny' : 'allow']];
}
