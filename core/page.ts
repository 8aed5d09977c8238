/** A page of a list. */
export interface Page<Row> {
  readonly items: readonly Row[];
  /** Opaque to clients, who pass it to get the next page; undefined on the last page. */
  readonly cursor?: string | undefined;
}

/** Makes a page from rows that were read with a limit of `limit + 1`. Its cursor is the id of its last row. */
export const pageOf = <Row extends { readonly id: string }>(rows: readonly Row[], limit: number): Page<Row> => ({
  items: rows.slice(0, limit),
  cursor: rows.length > limit ? rows[limit - 1]?.id : undefined,
});
