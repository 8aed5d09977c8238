/** A promised behavior and the tests that prove it. */
export interface Requirement {
  readonly id: string;
  readonly sentence: string;
  /** Each is `file: beginning of the title`. */
  readonly tests: readonly string[];
}
