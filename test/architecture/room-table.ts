/** The table "Rooms" of docs/architecture.md, as data: which rooms each room may import, beside itself. */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  'resource-server': [],
  platform: [],
  domain: ['resource-server'],
  config: ['domain'],
  store: ['domain', 'platform'],
  services: ['store', 'domain', 'platform'],
  oidc: ['services', 'domain', 'platform'],
  http: ['oidc', 'services', 'domain', 'platform', 'config'],
  gateway: ['resource-server', 'platform', 'config'],
  cli: ['compose.ts', 'compose', 'services', 'domain', 'config'],
  demo: ['resource-server'],
};

/** What lies beside the rooms and wires them. */
export const wiring: readonly string[] = ['compose.ts', 'compose', 'main.ts'];

/** The engine's storage: the files of `oidc` that may import the store. */
export const adapterFiles: readonly string[] = ['src/oidc/adapter.ts', 'src/oidc/client-adapter.ts'];

/** What issuer and library spell in the same way. */
const sharedForms: ReadonlySet<string> = new Set(['src/resource-server/scope.ts', 'src/resource-server/api-key-form.ts']);

/** Single files that the table names: allowed although their room is not, and the only ones allowed of their room. */
export function isAllowed(from: { room: string; file: string }, to: { room: string; file: string }): boolean {
  if (from.room === to.room || wiring.includes(from.room)) return true;
  if (from.room === 'domain' && to.room === 'resource-server') return sharedForms.has(to.file);
  if (adapterFiles.includes(from.file) && to.room === 'store') return true;
  return rooms[from.room]?.includes(to.room) ?? false;
}
