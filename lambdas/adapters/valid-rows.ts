import type * as z from 'zod';

const nameOf = ({ session_id, chunk_number, job_id, id }: Record<string, unknown>): string =>
  JSON.stringify({ session_id, chunk_number, job_id, id });

/**
 * Parses the rows of an index. A row that does not match the schema is skipped with a warning that names it, so that it does not
 * block the other rows.
 */
export const validRows = <Row>(schema: z.ZodType<Row>, items: readonly Record<string, unknown>[] = []): Row[] =>
  items.flatMap((item) => {
    const { data, error } = schema.safeParse(item);
    if (data !== undefined) return [data];
    process.emitWarning(`row cannot be read: ${nameOf(item)}`, { detail: error?.message ?? '' });
    return [];
  });
