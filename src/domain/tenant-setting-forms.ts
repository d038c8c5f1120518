/** The forms that settings of a tenant come in: text to typed value and back. Problems follow the setting's name. */

/** A value, or what is wrong with the text. */
export type Read<Value> = { value: Value } | { problem: string };

/** How values of one kind are written. */
export interface Form<Value> {
  read(text: string): Read<Value>;
  spell(value: Value): string;
}

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Form<Word> {
  return {
    read: (text) => {
      const value = words.find((word) => word === text);
      return value === undefined ? { problem: `is ${JSON.stringify(text)}, which is none of ${words.join(', ')}` } : { value };
    },
    spell: (value) => value,
  };
}
