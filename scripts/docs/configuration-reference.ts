import { type Setting, settingGroups } from '../../src/config/setting.ts';
import { settings } from '../../src/config/settings.ts';

const introduction = `# Configuration

<!-- Generated from src/config/settings.ts by \`npm run docs\`. -->

Toolgrant is set by environment variables; none is needed to try it. A file \`.env\` in the working directory is read as well, the environment wins.
\`toolgrant config check\` shows every problem at once and changes nothing. Unknown variables that begin with \`TOOLGRANT_\` are problems, so that a slip is noticed.

- **Durations** are a number and a unit: \`30s\`, \`15m\`, \`12h\`, \`30d\`.
- **Secrets** can be read from a file: set the variable with \`_FILE\` after its name to the file's path (\`TOOLGRANT_SECRET_FILE=/run/secrets/toolgrant\`). They appear in no log, no message and no output of a command.
- **Relative paths** start at the working directory.
`;

/** docs/configuration.md: every setting, by group. */
export function renderConfigurationReference(): string {
  const all = Object.values<Setting>(settings);
  const groups = settingGroups.map((group) => {
    const entries = all.filter((setting) => setting.group === group).map(renderSetting);
    return `## ${group}\n\n${entries.join('\n')}`;
  });
  return `${introduction}\n${groups.join('\n')}`;
}

function renderSetting({ name, description, form, example, secret, ...rest }: Setting): string {
  const lines = [
    `### \`${name}\``,
    '',
    description,
    '',
    `- Value: ${form}${secret ? `. **Secret**; \`${name}_FILE\` works too` : ''}`,
    `- Without it: ${rest.default === undefined ? rest.absent : `\`${rest.default}\``}`,
    ...(secret ? [] : [`- Example: \`${name}=${example}\``]),
    '',
  ];
  return lines.join('\n');
}
