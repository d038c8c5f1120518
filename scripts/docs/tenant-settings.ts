import { allTenantSettings } from '../../src/domain/tenant-settings.ts';

const introduction = `# What a tenant is set to

<!-- Generated from src/domain/tenant-settings.ts by \`npm run docs\`. -->

Settings of the installation are environment variables (\`configuration.md\`). What each tenant decides for itself stands in the database and is changed beside a running issuer, which goes by it within a second:

\`\`\`sh
toolgrant tenant show acme                # what it is set to
toolgrant tenant set acme registration=off
toolgrant tenant set acme registration=   # back to the default
toolgrant tenant set registration=off     # the tenant at the base
\`\`\`

Several can be changed at once; when something in a change is wrong, everything that is wrong is said, and nothing is changed. Each change leaves an event in the audit trail. A stored value that this version cannot read (one of a newer version, say) stops nothing: it is in the log, and the most careful value stands in for it.
`;

/** docs/tenant-settings.md: every setting of a tenant. */
export function renderTenantSettings(): string {
  const entries = allTenantSettings.map(({ name, description, form, ...rest }) =>
    [
      `## \`${name}\``,
      '',
      description,
      '',
      `- Value: ${form}`,
      `- Default: ${quoted(rest.spell(rest.default))}`,
      `- Instead of a stored value that cannot be read: ${quoted(rest.spell(rest.careful))}`,
      '',
    ].join('\n'),
  );
  return `${introduction}\n${entries.join('\n')}`;
}

function quoted(text: string): string {
  return text === '' ? 'empty' : `\`${text}\``;
}
