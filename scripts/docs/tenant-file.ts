import { z } from 'zod';
import { tenantFileForm } from '../../src/domain/tenant-file.ts';

/** As much of JSON Schema as the form comes to. */
interface Schema {
  description?: string;
  type?: string;
  const?: unknown;
  enum?: readonly string[];
  anyOf?: readonly Schema[];
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: Schema | boolean;
  required?: readonly string[];
}

function schema(): Schema {
  return z.toJSONSchema(tenantFileForm, { io: 'input' }) as Schema;
}

/** docs/tenant-file.schema.json: the form for editors that know JSON Schema. Lists of words stay on one line. */
export function renderTenantFileSchema(): string {
  const { $schema, ...rest } = schema() as Schema & { $schema: string };
  const titled = { $schema, title: 'A tenant of Toolgrant in a file (toolgrant apply)', ...rest };
  const text = JSON.stringify(titled, undefined, 2);
  const flat = text.replace(/\[\n\s+("[^"\n]*"(?:,\n\s+"[^"\n]*")*)\n\s+\]/g, (_, list: string) => `[${list.replace(/,\n\s+/g, ', ')}]`);
  return `${flat}\n`;
}

const introduction = `# The file of a tenant

<!-- Generated from src/domain/tenant-file.ts and src/domain/policy-form.ts by \`npm run docs\`. -->

What \`toolgrant apply\` reads and \`toolgrant export\` writes: YAML (JSON is a part of it), version 1 of the form. \`policy.md\` says how to use it. [tenant-file.schema.json](tenant-file.schema.json) is the same for editors: begin a file with

\`\`\`yaml
# yaml-language-server: $schema=tenant-file.schema.json
version: 1
\`\`\`

Names are compared letter by letter. What a file does not speak of stays as it is: a section, a server, a client, a group. Within what it speaks of it says all: the members of a group, the risks of a server's tools, and under \`policies\` every rule there is.
`;

const sections: readonly (readonly [member: string, title: string])[] = [
  ['servers', 'A server'],
  ['clients', 'A client'],
  ['groups', 'A group'],
  ['policies', 'A rule'],
];

/** docs/policy-reference.md: every member of the file. */
export function renderTenantFileReference(): string {
  const whole = schema();
  const rule = whole.properties?.['policies']?.items;
  const described = (member: string) => rule?.properties?.[member]?.items?.anyOf?.find(({ type }) => type === 'object');
  const risk = whole.properties?.['servers']?.items?.properties?.['tools']?.additionalProperties;
  const blocks = [
    ['## The whole', '', ...table(whole)],
    ...sections.map(([member, title]) => [
      `## ${title}`,
      '',
      `An entry of \`${member}\`.`,
      '',
      ...table(whole.properties?.[member]?.items),
    ]),
    [
      '## The risk of a tool',
      '',
      'In `tools` of a server, by the name of the tool.',
      '',
      ...table(typeof risk === 'object' ? risk : undefined),
    ],
    ['## Clients in a rule', '', 'A client id, or a description. All that is given must hold.', '', ...table(described('clients'))],
    [
      '## Tools in a rule',
      '',
      'The name of a tool, with `*` for any characters, or a description. All that is given must hold.',
      '',
      ...table(described('tools')),
    ],
  ];
  return `${introduction}\n${blocks.map((block) => `${block.join('\n')}\n`).join('\n')}`;
}

function table(of: Schema | undefined): string[] {
  if (!of?.properties) throw new Error('the form has lost a part that is documented');
  const rows = Object.entries(of.properties).map(([name, member]) => {
    const isNeeded = of.required?.includes(name) ?? false;
    return `| \`${name}\` | ${isNeeded ? 'yes' : ''} | ${formOf(member)} | ${member.description ?? ''} |`;
  });
  return ['| member | needed | form | meaning |', '|---|---|---|---|', ...rows];
}

function formOf({ type, const: only, enum: words, items, anyOf }: Schema): string {
  if (only !== undefined) return `\`${String(only)}\``;
  if (words) return words.map((word) => `\`${word}\``).join(', ');
  if (anyOf) return 'texts or descriptions';
  if (type === 'array')
    return items?.anyOf
      ? 'list of texts or descriptions'
      : items?.enum
        ? `list of ${formOf(items)}`
        : items?.type === 'object'
          ? 'list'
          : 'list of texts';
  return { string: 'text', boolean: '`true` or `false`', object: 'names with values', number: 'number' }[type ?? ''] ?? type ?? '';
}
