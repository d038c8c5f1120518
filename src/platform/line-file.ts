import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file that lines are appended to, some together. */
export interface LineFile {
  /**
   * Appends lines that belong together, and waits until they are on the disk. The file is opened anew each time, so that it may be moved
   * away (log rotation); a new one is readable for its owner alone, and `isNew` says that it is none that we appended to. One at a time.
   */
  append(linesFor: (isNew: boolean) => readonly string[]): Promise<void>;
}

/** How such a file is known. */
export interface LineFileForm {
  /** Whether a file that begins so is one: nothing is ever removed from another, or added to it. */
  isOurs(start: string): boolean;
  /** Whether a line ends what was appended together: what stands behind the last of those was cut off while it was written, and goes. */
  isEnd(line: string): boolean;
}

const startBytes = 256;
/** How much of the end is looked at first; twice as much each time until a whole line that ends something is there. */
const firstTailBytes = 1024 * 1024;

/** Makes one; nothing is opened yet. */
export function createLineFile(path: string, form: LineFileForm): LineFile {
  // As we left it: then there is nothing to be looked for.
  let known: { ino: number; size: number } | undefined;
  return {
    append: async (linesFor) => {
      const file = await open(path, 'a+', 0o600);
      try {
        const { ino, size } = await file.stat();
        const isAsLeft = known?.ino === ino && known.size === size;
        const wholeSize = isAsLeft ? size : await findWholeSize(file, { path, size, form });
        if (wholeSize < size) await file.truncate(wholeSize);
        await file.appendFile(`${linesFor(wholeSize === 0 || known?.ino !== ino).join('\n')}\n`);
        await file.sync();
        if (wholeSize === 0) await syncFolder(dirname(path));
        known = { ino, size: (await file.stat()).size };
      } finally {
        await file.close();
      }
    },
  };
}

/** How much of a file is whole. */
async function findWholeSize(file: FileHandle, { path, size, form }: { path: string; size: number; form: LineFileForm }): Promise<number> {
  if (!form.isOurs((await readPart(file, 0, Math.min(size, startBytes))).toString())) {
    throw new Error(`${path} holds something else; nothing is appended to it`);
  }
  for (let tailBytes = firstTailBytes; ; tailBytes *= 2) {
    const from = Math.max(0, size - tailBytes);
    const end = findEnd(await readPart(file, from, size), { isWhole: from === 0, isEnd: form.isEnd });
    if (end !== undefined) return from + end;
    if (from === 0) return 0;
  }
}

/** Behind the last line that ends something. Of a tail that is not the whole, the first line is part of one. */
function findEnd(tail: Buffer, { isWhole, isEnd }: { isWhole: boolean; isEnd: (line: string) => boolean }): number | undefined {
  for (let end = tail.lastIndexOf(0x0a) + 1; end > 0; ) {
    const begin = end < 2 ? 0 : tail.lastIndexOf(0x0a, end - 2) + 1;
    if ((begin > 0 || isWhole) && isEnd(tail.subarray(begin, end - 1).toString())) return end;
    end = begin;
  }
  return undefined;
}

async function readPart(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
  return buffer.subarray(0, bytesRead);
}

/** A file is as lasting as its name. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
