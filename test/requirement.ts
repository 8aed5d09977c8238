export interface Requirement {
  readonly id: string;
  readonly sentence: string;
  /** `file: beginning of the title` */
  readonly tests: readonly string[];
}
