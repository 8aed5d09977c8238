/** A fake DynamoDB table for queries. As in DynamoDB, `Limit` and the page size apply before the filter. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';

type Row = Readonly<Record<string, unknown>>;

/** Evaluates the filters `#name = :value` and `#name <> :value`. */
function passes(row: Row, query: QueryCommand['input']): boolean {
  if (query.FilterExpression === undefined) return true;
  const [, name = '', sign, value = ''] = /^(#\w+) (=|<>) (:\w+)$/.exec(query.FilterExpression) ?? [];
  const isSame = row[query.ExpressionAttributeNames?.[name] ?? ''] === query.ExpressionAttributeValues?.[value];
  return sign === '=' ? isSame : !isSame;
}

/**
 * @param rows in the order of the query
 * @param key names of the key attributes
 * @param rowsPerPage number of rows that fit into a page of 1 MB
 */
export function smallTable(rows: readonly Row[], key: readonly string[], rowsPerPage = Number.POSITIVE_INFINITY) {
  const db = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'none' }));
  const counts = { queries: 0, rows: 0 };
  const keyOf = (row: Row): Row => Object.fromEntries(key.map((name) => [name, row[name]]));
  const text = (row: Row): string => JSON.stringify(keyOf(row));
  const positions = new Map(rows.map((row, i) => [text(row), i]));
  const send = async (command: unknown): Promise<unknown> => {
    if (!(command instanceof QueryCommand)) throw new Error('this table supports only queries');
    const { ExclusiveStartKey, Limit = Number.POSITIVE_INFINITY } = command.input;
    const from = ExclusiveStartKey === undefined ? 0 : (positions.get(text(ExclusiveStartKey)) ?? -1) + 1;
    const read = rows.slice(from, from + Math.min(Limit, rowsPerPage));
    const last = read.at(-1);
    counts.queries += 1;
    counts.rows += read.length;
    return {
      Items: read.filter((row) => passes(row, command.input)),
      ...(last !== undefined && from + read.length < rows.length && { LastEvaluatedKey: keyOf(last) }),
    };
  };
  return { db: Object.assign(db, { send }), counts };
}
