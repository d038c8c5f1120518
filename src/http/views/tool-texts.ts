/** What pages say of a tool, whoever looks at it. Pure. */
import { type DescribedTool, isUnclaimed, sourceOf } from './described-tool.ts';
import { type RiskSource, sourceWords, toolWords } from './risk-words.ts';
import { readableDescription, readableName } from './untrusted-text.ts';

/** Texts of one tool, fit to be read. */
export interface ToolTexts {
  title: string;
  /** The protocol's name, where the title is another text. */
  name?: string;
  words: string;
  /** Whose word its risk is. */
  ratedBy: RiskSource['by'];
  /** The same in words; absent where it is nobody's, as `words` say. */
  source?: string;
  serverSays?: string;
}

/** Catalogues are shared by all who look at them: their texts are made once. */
const made = new WeakMap<DescribedTool, ToolTexts>();

/** Finds the texts. A tool that was described stays as it is. */
export function textsOf(tool: DescribedTool): ToolTexts {
  const known = made.get(tool);
  if (known) return known;
  const texts = makeTexts(tool);
  made.set(tool, texts);
  return texts;
}

function makeTexts(tool: DescribedTool): ToolTexts {
  const name = readableName(tool.name, 'unnamed tool');
  const title = readableName(tool.title, name);
  const rating = sourceOf(tool);
  const source = sourceWords(rating);
  const serverSays = readableDescription(tool.description ?? '');
  return {
    title,
    ...(title !== name && { name }),
    words: toolWords(tool, isUnclaimed(tool)),
    ratedBy: rating.by,
    ...(source !== undefined && { source }),
    ...(serverSays !== '' && { serverSays }),
  };
}
