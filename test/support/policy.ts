import type { UserId } from '../../src/domain/ids.ts';
import { policyForm, toPolicy, type WrittenRule } from '../../src/domain/policy-form.ts';
import { changePolicy } from '../../src/services/change-policy.ts';
import { changeMembers, createGroup } from '../../src/services/manage-groups.ts';
import { finishPolicySweep } from '../../src/services/sweep-policy.ts';
import { transact } from '../../src/store/client.ts';
import type { TestIssuer } from './issuer.ts';

type PolicyIssuer = Pick<TestIssuer, 'runtime' | 'tenant'>;

const origin = { actorType: 'operator' } as const;

/** The rule that holds where there is no policy. */
export const letPeopleDecide: WrittenRule = { name: 'people-decide', effect: 'allow' };

/** Puts a policy in force, written as in a file. */
export async function putInForce({ runtime, tenant }: PolicyIssuer, ...rules: WrittenRule[]): Promise<void> {
  const policy = toPolicy(policyForm.parse(rules));
  await transact(runtime.store, (db) => changePolicy(runtime, db, { tenant, policy, origin }));
  await finishPolicySweep(runtime, tenant.id);
}

/** Makes a group of some people. */
export async function makeGroup({ runtime, tenant }: PolicyIssuer, name: string, ...members: { userId: UserId }[]): Promise<void> {
  const made = await createGroup(runtime, tenant, { name, origin });
  if (!made.ok) throw new Error(`no group: ${made.problem}`);
  await changeMembers(runtime, tenant, { name, add: members.map(({ userId }) => userId), origin });
}

/** Puts people into a group, and takes others out. */
export async function moveMembers(
  { runtime, tenant }: PolicyIssuer,
  name: string,
  { add = [], remove = [] }: { add?: readonly { userId: UserId }[]; remove?: readonly { userId: UserId }[] },
): Promise<void> {
  const ids = (people: readonly { userId: UserId }[]) => people.map(({ userId }) => userId);
  await changeMembers(runtime, tenant, { name, add: ids(add), remove: ids(remove), origin });
}
