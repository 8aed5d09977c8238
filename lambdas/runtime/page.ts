export interface Page<Row> {
  readonly items: readonly Row[];
  /** The last row, if there is a next page. */
  readonly next?: Row | undefined;
}

/** Makes a page from rows that were read with a limit of `limit + 1`. */
export const pageOf = <Row>(rows: readonly Row[], limit: number): Page<Row> => ({
  items: rows.slice(0, limit),
  next: rows.length > limit ? rows[limit - 1] : undefined,
});
