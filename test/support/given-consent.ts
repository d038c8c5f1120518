import type { ConsentId } from '../../src/domain/ids.ts';
import { randomToken } from '../../src/platform/random.ts';
import { prepareConsent } from '../../src/services/prepare-consent.ts';
import { recordConsent } from '../../src/services/record-consent.ts';
import type { ConsentScene } from './consent-scene.ts';
import type { TestRuntime } from './runtime.ts';

/** Lets the person of a scene allow one tool of it, through the services that the consent page uses. */
export async function giveConsent(
  { runtime, tenant }: Pick<TestRuntime, 'runtime' | 'tenant'>,
  scene: ConsentScene,
  tool = 'list_issues',
): Promise<{ consentId: ConsentId }> {
  const page = await prepareConsent(runtime, tenant, scene.request());
  if (!page.ok) throw new Error(page.failure.kind);
  const { shownDigest } = page.value;
  const answer = { tickedTools: [tool], resources: false, prompts: false, duration: '30d' as const, shownDigest };
  const decision = { ...scene.request(), answer, grantId: randomToken(16), origin: { actorType: 'user' as const } };
  const recorded = await recordConsent(runtime, tenant, decision);
  if (!recorded.ok) throw new Error(recorded.failure.kind);
  return { consentId: recorded.value.consentId };
}
