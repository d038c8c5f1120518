import { type Setting, settingGroups } from '../../src/config/setting.ts';
import { settings } from '../../src/config/settings.ts';

const introduction = `# Copy to .env and take the # off what you set. Every setting with its meaning: docs/configuration.md
# Generated from src/config/settings.ts by \`npm run docs\`.
`;

/** .env.example: every setting, commented out, because all have a default. Secrets have no value that could be copied. */
export function renderEnvExample(): string {
  const all = Object.values<Setting>(settings);
  const groups = settingGroups.map((group) => {
    const lines = all.filter((setting) => setting.group === group).map(renderLine);
    return `# --- ${group}\n${lines.join('\n')}\n`;
  });
  return `${introduction}\n${groups.join('\n')}`;
}

function renderLine(setting: Setting): string {
  const hint = `${setting.form}${setting.default === undefined ? '' : `; default ${setting.default}`}`.replaceAll('`', '');
  return `# ${hint}\n#${setting.name}=${setting.secret ? '' : setting.example}`;
}
