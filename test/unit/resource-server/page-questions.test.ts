import { describe, expect, it } from '@jest/globals';
import type { Access } from '../../../src/resource-server/access.ts';
import { createPageQuestions } from '../../../src/resource-server/page-questions.ts';

const accessOf = (subject: string, ...tools: string[]) =>
  ({ subject, clientId: 'cli_1', consentId: 'cns_1', allows: (name: string) => tools.includes(name) }) as Access;
const initialize = (capabilities: object = { elicitation: { url: {} } }) => ({ id: 1, method: 'initialize', params: { capabilities } });
const answer = (protocolVersion: unknown = '2025-11-25', id = 1) => ({ id, result: { protocolVersion } });
const ada = accessOf('ada');

function begun(capabilities?: object, version?: unknown) {
  const questions = createPageQuestions();
  questions.hear(initialize(capabilities), ada);
  questions.hearAnswer(answer(version));
  return questions;
}

describe('MCP-52: questions in one session', () => {
  it('about one tool have one name until the tool is allowed, which is told once', () => {
    const questions = begun();
    const [wipe, purge] = [questions.idFor('wipe', ada), questions.idFor('purge', ada)];
    expect(questions.idFor('wipe', ada)).toBe(wipe);
    expect(purge).not.toBe(wipe);
    expect(questions.takeAnswered(ada)).toEqual([]);
    expect(questions.takeAnswered(accessOf('ada', 'wipe'))).toEqual([wipe]);
    expect(questions.takeAnswered(accessOf('ada', 'wipe'))).toEqual([]);
    expect(questions.takeAnswered(accessOf('ada', 'wipe', 'purge'))).toEqual([purge]);
  });

  it('are for whoever began it', () => {
    const questions = begun();
    expect(questions.idFor('wipe', accessOf('eve'))).toBeUndefined();
    questions.idFor('wipe', ada);
    expect(questions.takeAnswered(accessOf('eve', 'wipe'))).toEqual([]);
    // Whoever begins anew, begins anew.
    questions.hear(initialize({}), ada);
    questions.hearAnswer(answer());
    expect(questions.idFor('wipe', ada)).toBeUndefined();
    expect(questions.takeAnswered(accessOf('ada', 'wipe'))).toEqual([]);
  });

  it.each([['2025-06-18'], ['2026-07-28'], [undefined], [20251125]])('are not asked where the server speaks %j', (version) => {
    const questions = createPageQuestions();
    questions.hear(initialize(), ada);
    questions.hearAnswer({ id: 1, result: version === undefined ? {} : { protocolVersion: version } });
    questions.hearAnswer(answer('2025-11-25', 2));
    expect(questions.idFor('wipe', ada)).toBeUndefined();
  });

  it('are bounded: the oldest are forgotten', () => {
    const questions = begun();
    const first = questions.idFor('tool-0', ada);
    for (let index = 1; index <= 100; index += 1) questions.idFor(`tool-${index}`, ada);
    expect(questions.takeAnswered(accessOf('ada', 'tool-0'))).toEqual([]);
    expect(questions.idFor('tool-0', ada)).not.toBe(first);
  });
});
