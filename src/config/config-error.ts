/** One thing that is wrong with the settings, with what to do about it. Never holds a secret's value. */
export interface ConfigProblem {
  /** The environment variable, or the option (`--demo`). */
  setting: string;
  /** What is wrong, as a clause that follows the name: `is not a URL`. */
  problem: string;
  /** What to do, as a sentence. */
  fix: string;
}

/** The settings cannot be used. Carries all problems at once; whoever catches it decides how to show them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super(problems.map(({ setting, problem, fix }) => `${setting} ${problem}. ${fix}`).join('\n'), options);
    this.problems = problems;
  }
}
