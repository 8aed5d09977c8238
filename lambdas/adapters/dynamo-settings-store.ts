/**
 * Stores a user's settings in one row. Corrections that exceed the size of a row are stored compressed, in separate part rows.
 *
 * Gotchas:
 * - The row and its parts are written in one transaction. A reader that sees parts of another version reads again.
 * - Parts that the newest version does not need are deleted, in the same transaction or afterwards.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html (400 KB a row, 4 MB a transaction)
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { DeleteCommand, type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { CorrectionsPartRow, SettingsRow } from '../../core/contracts/rows.ts';
import type { SettingsStore } from '../../core/corrections/ports.ts';
import { conditional, transact, updaterOf } from './conditional.ts';
import { readItem } from './read-row.ts';

const UNWRITTEN = 'attribute_not_exists(user_id)';
const SAME_VERSION = 'version = :version';
const NOT_NEWER = 'attribute_not_exists(part_of) OR part_of < :version';

/** Larger corrections are stored in parts. */
const MAX_ROW_BYTES = 200_000;
const PART_BYTES = 350_000;
/** The limits (500 rules of twice 500 four-byte characters, 500 words) allow 2.3 MB before compression. */
const MAX_PARTS = 8;
/** Reads before `get` fails because of concurrent writers. */
const MAX_READS = 10;

const partKey = (userId: string, part: number) => ({ user_id: `${userId}#${part}` });

export function dynamoSettingsStore(db: DynamoDBDocumentClient, table: string): SettingsStore {
  const read = (Key: { user_id: string }) => readItem(db, table, Key);
  const update = updaterOf(db, table, (user_id: string) => ({ user_id }));

  /** Reads the corrections from their parts; undefined when a part belongs to another version. */
  async function joined({ user_id, version, corrections_parts = 0 }: SettingsRow): Promise<unknown> {
    const rows = await Promise.all(Array.from({ length: corrections_parts }, (_, part) => read(partKey(user_id, part))));
    const parts = rows.map((row) => CorrectionsPartRow.safeParse(row).data);
    const whole = parts.flatMap((part) => (part?.part_of === version ? [part.gzip] : []));
    return whole.length < parts.length ? undefined : JSON.parse(gunzipSync(Buffer.concat(whole)).toString());
  }

  const ifVersion = (overVersion: number | undefined) =>
    overVersion === undefined
      ? { ConditionExpression: UNWRITTEN }
      : { ConditionExpression: SAME_VERSION, ExpressionAttributeValues: { ':version': overVersion } };

  async function putWhole(row: SettingsRow, overVersion: number | undefined): Promise<boolean> {
    const put = db.send(new PutCommand({ TableName: table, Item: row, ...ifVersion(overVersion), ReturnValues: 'ALL_OLD' }));
    if (!(await conditional(put))) return false;
    const { corrections_parts = 0 } = SettingsRow.partial().parse((await put).Attributes ?? {});
    for (let part = 0; part < corrections_parts; part += 1)
      await conditional(
        db.send(
          new DeleteCommand({
            TableName: table,
            Key: partKey(row.user_id, part),
            ConditionExpression: NOT_NEWER,
            ExpressionAttributeValues: { ':version': row.version },
          }),
        ),
      );
    return true;
  }

  async function putInParts(
    { corrections: _inParts, ...row }: SettingsRow,
    bytes: Buffer,
    overVersion: number | undefined,
  ): Promise<boolean> {
    const count = Math.ceil(bytes.length / PART_BYTES);
    if (count > MAX_PARTS) throw new Error(`${bytes.length} bytes of corrections exceed ${MAX_PARTS} parts`);
    const head = { Put: { TableName: table, Item: { ...row, corrections_parts: count }, ...ifVersion(overVersion) } };
    const parts = Array.from({ length: MAX_PARTS }, (_, part) => {
      if (part >= count) return { Delete: { TableName: table, Key: partKey(row.user_id, part) } };
      const gzip = Uint8Array.from(bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES));
      const Item: CorrectionsPartRow = { ...partKey(row.user_id, part), part_of: row.version, gzip };
      return { Put: { TableName: table, Item } };
    });
    return (await transact(db, [head, ...parts])) === 'committed';
  }

  return {
    async get(userId) {
      for (let reads = 0; reads < MAX_READS; reads += 1) {
        const item = await read({ user_id: userId });
        if (item === undefined) return undefined;
        const { corrections_parts, ...row } = SettingsRow.parse(item);
        if (corrections_parts === undefined) return row;
        const corrections = await joined({ ...row, corrections_parts });
        if (corrections !== undefined) return { ...row, corrections };
      }
      throw new Error('concurrent writes kept changing the corrections while they were read');
    },

    put(row, overVersion) {
      const json = Buffer.from(JSON.stringify(row.corrections));
      return json.length <= MAX_ROW_BYTES ? putWhole(row, overVersion) : putInParts(row, gzipSync(json), overVersion);
    },

    async noteApplied(userId, version) {
      await update(userId, {
        UpdateExpression: 'SET applied_version = :version REMOVE apply_cursor, apply_slices',
        ConditionExpression: SAME_VERSION,
        ExpressionAttributeValues: { ':version': version },
      });
    },

    async noteReached(userId, version, cursor) {
      await update(userId, {
        UpdateExpression: `${cursor === undefined ? '' : 'SET apply_cursor = :cursor '}ADD apply_slices :one`,
        ConditionExpression: SAME_VERSION,
        ExpressionAttributeValues: {
          ':version': version,
          ':one': 1,
          ...(cursor !== undefined && { ':cursor': cursor }),
        },
      });
    },
  };
}
