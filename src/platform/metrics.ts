/**
 * What can be counted and measured about one process, in the Prometheus text format. Names, labels and the values of labels are
 * closed lists: nothing that a stranger sends makes a new series.
 */
/** The instruments of one process. */
export interface Metrics {
  /** Whether anybody reads them; where not, nothing is kept. */
  isOn: boolean;
  observeRequest(request: { route: string; method: string; status: number; seconds: number }): void;
  /** An answer of the token endpoint: `issued`, or the OAuth error code. */
  countTokenAnswer(grant: string, outcome: string): void;
  countSignIn(outcome: 'success' | 'failure'): void;
  /** A try that was refused because there were too many. */
  countLimited(limit: 'sign-in' | 'registration' | 'link' | 'reports'): void;
  /** Whether something that is remembered was found there. */
  countLookup(cache: 'token-terms' | 'machine-terms' | 'api-key-terms', outcome: 'hit' | 'miss'): void;
  /** How long it took to make a status list. */
  observeStatusList(seconds: number): void;
  /** Reads a value whenever somebody looks; several values by the name of a label. */
  watch(gauge: WatchedGauge, read: () => Reading | Promise<Reading>): void;
  /** All of it, as text. */
  text(): Promise<string>;
}

/** What is read whenever somebody looks. */
export interface WatchedGauge {
  name: string;
  help: string;
  label?: string;
  /** What several processes come to together; default: their sum. */
  together?: 'max';
}

/** One value, or several by the name of what they are of. */
export type Reading = number | Readonly<Record<string, number>>;

/** The media type of the text. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

/** Instruments that keep nothing, where nobody reads them. */
export const noMetrics: Metrics = {
  isOn: false,
  observeRequest: () => {},
  countTokenAnswer: () => {},
  countSignIn: () => {},
  countLimited: () => {},
  countLookup: () => {},
  observeStatusList: () => {},
  watch: () => {},
  text: async () => '',
};
