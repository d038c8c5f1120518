/** Everything that is generated from code, with the path it is kept at. `npm run docs` writes it, a test finds what drifted. */
import { renderAuditEvents } from './audit-events.ts';
import { renderConfigurationReference } from './configuration-reference.ts';
import { renderEnvExample } from './env-example.ts';
import { renderSpecCoverage } from './spec-coverage.ts';
import { renderTenantFileReference, renderTenantFileSchema } from './tenant-file.ts';
import { renderTenantSettings } from './tenant-settings.ts';

/** A generated file. */
export interface GeneratedDocument {
  /** Relative to the repository. */
  path: string;
  render(): string;
}

/** The list. */
export const generatedDocuments: readonly GeneratedDocument[] = [
  { path: 'docs/configuration.md', render: renderConfigurationReference },
  { path: '.env.example', render: renderEnvExample },
  { path: 'docs/spec-coverage.md', render: renderSpecCoverage },
  { path: 'docs/audit-events.md', render: renderAuditEvents },
  { path: 'docs/tenant-settings.md', render: renderTenantSettings },
  { path: 'docs/policy-reference.md', render: renderTenantFileReference },
  { path: 'docs/tenant-file.schema.json', render: renderTenantFileSchema },
];
