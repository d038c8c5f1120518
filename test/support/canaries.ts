/** Canaries: secrets whose every spelling is looked for where none may ever be found. */
import { Client } from 'pg';
import type { Browser } from './person.ts';

/** Secrets by what they are. */
export class Canaries {
  readonly #whatByValue = new Map<string, string>();

  /** Adds a secret; short ones would be found by chance. */
  add(what: string, value: string | undefined): string {
    if (value === undefined || value.length < 12) throw new Error(`no canary: ${what}`);
    this.#whatByValue.set(value, what);
    return value;
  }

  /** Adds whatever a browser holds now. */
  addCookies(browser: Browser): void {
    for (const [name, { value }] of browser.cookies) this.add(`cookie ${name}`, value);
  }

  get size(): number {
    return this.#whatByValue.size;
  }

  /** What is found in a text, and in which spelling; nothing is as it should be. */
  findIn(text: string): string[] {
    return [...this.#whatByValue].flatMap(([value, what]) =>
      Object.entries(spellings(value))
        .filter(([, spelling]) => text.includes(spelling))
        .map(([name]) => `${what}, ${name}`),
    );
  }
}

function spellings(value: string): Record<string, string> {
  const bytes = Buffer.from(value, 'utf8');
  // Of a JWT the signature alone is what makes it one.
  const signature = /^eyJ[\w-]+\.[\w-]+\.([\w-]{40,})$/.exec(value)?.[1];
  return {
    plain: value,
    'as a URL has it': encodeURIComponent(value),
    'as a form has it': new URLSearchParams({ v: value }).toString().slice(2),
    base64: bytes.toString('base64').replace(/.{0,2}=*$/, ''),
    base64url: bytes.toString('base64url').slice(0, -1),
    hex: bytes.toString('hex'),
    ...(signature !== undefined && { signature }),
  };
}

/** Every row of every table, as text. */
export async function dumpDatabase(ownerUrl: string): Promise<string> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const lines: string[] = [];
    for (const { name } of tables.rows) {
      const rows = await client.query<{ row: string }>(`SELECT row_to_json(t)::text AS row FROM ${name} t`);
      lines.push(...rows.rows.map(({ row }) => `${name} ${row}`));
    }
    return lines.join('\n');
  } finally {
    await client.end();
  }
}
