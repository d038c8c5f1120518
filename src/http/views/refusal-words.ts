/** Why an agent is refused the one thing that a widen link names: a sentence for its person. Pure. */
import { isHeldInQuarantine } from '../../domain/quarantine.ts';
import type { Addition } from '../../services/prepare-consent.ts';
import type { Offer } from './choice.ts';
import { readableName } from './untrusted-text.ts';

/** What is refused, and why; where it is allowed by now, that. Undefined where the offer does not have it. */
export function refusalWords(offer: Offer, addition: Addition): string | undefined {
  if ('scope' in addition) {
    const title = { resources: 'Resources', prompts: 'Prompts' }[addition.scope];
    return sentence(`${title} are`, whyExtra(offer, addition.scope) ?? whyAll(offer));
  }
  const shown = offer.tools.find(({ tool }) => tool.name === addition.tool);
  if (!shown) return undefined;
  const { name, title } = shown.tool;
  return sentence(`“${readableName(title, readableName(name, 'unnamed tool'))}” is`, whyTool(offer, shown) ?? whyAll(offer));
}

function sentence(what: string, why: string | undefined): string {
  return why === undefined ? `${what} allowed by now: let your agent try again.` : `${what} refused, because ${why}.`;
}

const mayOnlyRead = 'this agent may only read for now';
const isForbidden = 'your organisation does not let you allow that';

function whyTool({ standing, quarantine }: Offer, shown: Offer['tools'][number]): string | undefined {
  const { tool, permission, ticked } = shown;
  if (permission.kind !== 'allowed') return isForbidden;
  if (quarantine && isHeldInQuarantine(tool)) return mayOnlyRead;
  if (shown.standing !== 'new') return ticked ? undefined : 'it may do more now than when you allowed it';
  return standing?.tools.some(({ name }) => name === tool.name) ? 'the time for which you allowed it is over' : 'you have not allowed it';
}

function whyExtra(offer: Offer, extra: 'resources' | 'prompts'): string | undefined {
  const { standing, permission } = offer[extra];
  if (permission.kind !== 'allowed') return isForbidden;
  return standing ? undefined : 'you have not allowed that';
}

/** What counts for all that the agent may do. */
function whyAll({ standing }: Offer): string | undefined {
  return standing?.isPaused ? 'you have paused this agent' : undefined;
}
