import { type DynamoDBDocumentClient, QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';

type Item = Record<string, unknown>;

/** Reads all pages of a query. */
export async function queryAll(db: DynamoDBDocumentClient, query: QueryCommandInput): Promise<Item[]> {
  const items: Item[] = [];
  let from: Item | undefined;
  do {
    const page = await db.send(new QueryCommand({ ...query, ExclusiveStartKey: from }));
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return items;
}

/** Queries per page of a list. */
const MAX_QUERIES = 30;
/** Each further query reads this many times as many rows, up to the maximum. */
const [STEP_GROWTH, MAX_STEP] = [4, 1000];

/**
 * Reads one page of a query: the first `limit` items and, if there are more, the key after which the next page starts.
 * DynamoDB applies `Limit` and its 1 MB limit before the filter, so one query may return too few items; further queries follow
 * until the page is full. After `MAX_QUERIES` the page may be short or empty, but still has `next`.
 */
export async function queryPage(
  db: DynamoDBDocumentClient,
  query: QueryCommandInput,
  limit: number,
): Promise<{ readonly items: readonly Item[]; readonly next?: Item | undefined }> {
  const items: Item[] = [];
  let from = query.ExclusiveStartKey;
  let step = limit + 1; // one more shows whether there is a next page
  for (let queries = 0; queries < MAX_QUERIES; queries++) {
    const page = await db.send(new QueryCommand({ ...query, ExclusiveStartKey: from, Limit: step }));
    items.push(...(page.Items ?? []));
    if (items.length > limit) return { items: items.slice(0, limit), next: items[limit - 1] };
    from = page.LastEvaluatedKey;
    if (from === undefined) return { items };
    step = Math.min(MAX_STEP, step * STEP_GROWTH);
  }
  return { items, next: from };
}
