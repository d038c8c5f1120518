/**
 * The web room: koa, the pages that people see, and the small documents beside the protocol endpoints. It parses what comes in,
 * calls services and the engine, and renders what they answer. It decides nothing about access, knows no SQL, and speaks no
 * OAuth itself. `compose.ts` makes it.
 */
import type { Engine } from '../oidc/engine-contract.ts';
import type { AttemptLimits } from '../services/limit-attempts.ts';
import type { StatusListPublisher } from '../services/publish-status-list.ts';
import type { Runtime, Tenant } from '../services/runtime.ts';
import type { Render } from './views/render.ts';

/** What handlers work with. */
export interface Site {
  runtime: Runtime;
  tenant: Tenant;
  engine: Engine;
  render: Render;
  statusLists: StatusListPublisher;
  limits: AttemptLimits;
  /** Path of the issuer URL; empty at the root of its host. */
  basePath: string;
  /** Whether the issuer is https: cookies are Secure then, and carry the prefix that proves it. */
  isSecure: boolean;
  /** Whether the process is on its way out: not ready for new work, though it still answers. */
  isDraining(): boolean;
}
