import { describe, expect, it } from '@jest/globals';
import { maxYamlBytes, readYaml as readBytes } from '../../../src/cli/read-yaml.ts';

const readYaml = (text: string) => readBytes(Buffer.from(text));

function placesOf(text: string) {
  const read = readYaml(text);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return (path: (string | number)[], ofName?: boolean) => {
    const { line, column } = read.placeOf(path, ofName);
    return `${line}:${column}`;
  };
}

describe('places in YAML', () => {
  it('are those of values, or of names; where there is nothing, of what it would be in', () => {
    const at = placesOf('version: 1\nservers:\n  - resource: a\n    name: b\n  - {resource: c}\n');
    expect(at(['version'])).toBe('1:10');
    expect(at(['version'], true)).toBe('1:1');
    expect(at(['servers', 0, 'name'])).toBe('4:11');
    expect(at(['servers', 1, 'resource'])).toBe('5:16');
    expect(at(['servers', 1, 'name'])).toBe('5:5');
    expect(at(['servers', 7])).toBe('3:3');
    expect(at(['groups'])).toBe('1:1');
    expect(at([])).toBe('1:1');
  });

  it('follow JSON, quotes, Windows line ends and what comes before', () => {
    expect(placesOf('{"a": {"b": [1, 2]}}')(['a', 'b', 1])).toBe('1:17');
    expect(placesOf('# words\r\n\r\n"a b":\r\n  - x\r\n')(['a b', 0])).toBe('4:5');
    expect(placesOf('1: x\n')(['1'])).toBe('1:4');
  });

  it('what is repeated by reference is where it is written', () => {
    const read = readYaml('a: &list [x]\nb: *list\n');
    expect(read.ok && read.value).toEqual({ a: ['x'], b: ['x'] });
  });

  it('names that break naive objects stay names', () => {
    const read = readYaml('__proto__: {polluted: true}\nconstructor: 1\n');
    if (!read.ok) throw new Error('it is YAML');
    expect(Object.keys(read.value as object)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('are quick to find, however many members there are', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `name-${index}`);
    const at = placesOf(names.map((name) => `${name}: 1\n`).join(''));
    expect(names.map((name) => at([name], true))).toEqual(names.map((_, index) => `${index + 1}:1`));
  });
});

describe('what can be read in two ways, or not at all, is told with its place and what to do', () => {
  const problemsIn = (bytes: Uint8Array) => {
    const read = readBytes(bytes);
    return read.ok ? [] : read.problems.map(({ line, column, problem }) => `${line}:${column} ${problem}`);
  };

  it.each([
    ['an open list', 'a: [', ['1:5 Flow sequence in block collection must be sufficiently indented and end with a ].']],
    ['a name twice', 'a: 1\nb: 2\na: 3', ['3:1 a stands further up already, in the same part: say it once.']],
    ['a name twice, as a number', '{1: a, "1": b}', ['1:8 1 stands further up already, in the same part: say it once.']],
    ['all of them', 'a: {b: 1, b: 2}\na: 1', ['1:11 b stands further up already', '2:1 a stands further up already']],
    ['a tag', 'a: !x 1', ['1:4 Unresolved tag: !x: leave the tag out.']],
    ['a tag that makes objects', 'a: !!js/function 1', ['1:4 Unresolved tag']],
    ['another version of YAML', '%YAML 9.9\n---\na: 1', ['1:7 Unsupported YAML version 9.9: leave the line out.']],
    ['a tab', 'a:\n\tb: 1', ['2:1 Tabs are not allowed as indentation: indent with spaces.']],
    ['a second document', 'a: 1\n---\nb: 1', ['2:1 A second document begins here']],
    ['a list as a name', '? [a]\n: 1', ['1:3 What stands here is no name: a text and a colon.']],
    ['a reference as a name', 'a: &x b\n*x : 1', ['2:1 What stands here is no name']],
    ['a reference to nothing', 'a: *b', ['1:4 *b refers to itself, or to nothing before it: write it out.']],
    ['a reference to itself', 'a: &a [*a]', ['1:8 *a refers to itself']],
    [
      'a control character',
      'a: b\u0007c',
      ['1:5 An invisible character stands here: remove it, or write it as \\\\u0007 in double quotes.'],
    ],
    ['a line that reads as another one', 'a: b # \u202etxet', ['1:8 An invisible character stands here']],
    [
      'an id that is another one than it looks',
      'a: cli_b\u200bc',
      ['1:9 An invisible character stands here: remove it, or write it as \\\\u200b'],
    ],
    ['the same, by a joiner', 'a: cli_b\u200d', ['1:9 An invisible character stands here']],
    ['the same, by a tag', 'a: cli_b\u{e0041}', ['1:9 An invisible character stands here: remove it, or write it as \\\\udb40\\\\udc41']],
  ])('%s', (_, text, problems) => {
    expect(problemsIn(Buffer.from(text))).toEqual(problems.map((problem) => expect.stringContaining(problem.replaceAll('\\\\', '\\'))));
  });

  it('what joins letters of other scripts, or parts of an emoji, is none of it', () => {
    expect(problemsIn(Buffer.from('a: b # 👩\u200d💻 ⚠\ufe0f می\u200cخواهم'))).toEqual([]);
  });

  it('what is not in UTF-8', () => {
    expect(problemsIn(Buffer.from('a: 1\nb: Müller\n', 'latin1'))).toEqual([
      '2:5 The file is not in UTF-8 from here on: save it as UTF-8.',
    ]);
    expect(problemsIn(Buffer.from('\ufeffa: 1', 'utf16le'))).toEqual([expect.stringMatching(/^1:1 The file is not in UTF-8/)]);
    expect(problemsIn(Buffer.from('a: ü').subarray(0, 4))).toEqual([expect.stringMatching(/^1:4 The file is not in UTF-8/)]);
    expect(problemsIn(Buffer.from('\ufeffa: 1'))).toEqual([]);
  });

  it('a file without end', () => {
    expect(problemsIn(Buffer.alloc(maxYamlBytes + 1, 'x'))).toEqual(['1:1 The file is longer than 2 MiB: split it.']);
  });

  const lines = (count: number, line: (index: number) => string) => Array.from({ length: count }, (_, index) => line(index)).join('\n');

  it.each([
    [
      'references of references',
      `${lines(
        20,
        (index) =>
          `a${index}: &a${index} [${Array(9)
            .fill(index === 0 ? 'x' : `*a${index - 1}`)
            .join(', ')}]`,
      )}`,
    ],
    ['very many references', `a: &a [x]\nb: [${Array(5_000).fill('*a').join(', ')}]`],
    ['a large part, repeated', `a: &a [${Array(5_000).fill('x').join(', ')}]\nb: [${Array(100).fill('*a').join(', ')}]`],
    ['very many parts', `a: [${'x,'.repeat(200_000)}]`],
    ['lists in lists, on one line', '['.repeat(100_000)],
    ['lists in lists, closed', `${'['.repeat(2_000)}${']'.repeat(2_000)}`],
    ['lists in lists, in one block', '- '.repeat(20_000)],
    ['maps in maps', lines(1_500, (index) => `${' '.repeat(index)}a:`)],
    ['names in names', '? '.repeat(20_000)],
  ])('ends soon and in words: %s', (_, text) => {
    const problems = problemsIn(Buffer.from(text));
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((problem) => /^\d+:\d+ \S.*\.$/.test(problem))).toBe(true);
  });

  it('very many names are read, and each that stands twice is told', () => {
    const text = lines(60_000, (index) => `n${index % 59_999}: 1`);
    expect(problemsIn(Buffer.from(text))).toEqual([expect.stringMatching(/^60000:1 n0 stands further up/)]);
  });
});
