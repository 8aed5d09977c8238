import * as z from 'zod';
import { DomainError } from '../../core/errors.ts';

/**
 * List cursors: the key of a page's last row without the user id, so that a cursor can address only the caller's rows.
 * @param id the attribute that identifies a row
 */
export function cursors<Id extends string>(id: Id) {
  const Key = z.looseObject({ [id]: z.string().min(1), created_at_ms: z.number().int() });
  return {
    encode(row: unknown): string {
      const { [id]: name, created_at_ms } = Key.parse(row);
      return Buffer.from(JSON.stringify({ [id]: name, created_at_ms })).toString('base64url');
    },
    /** @throws DomainError `malformed` */
    decode(cursor: string): Record<string, unknown> {
      try {
        const { [id]: name, created_at_ms } = Key.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
        return { [id]: name, created_at_ms };
      } catch (cause) {
        throw new DomainError('malformed', 'the cursor is invalid', {}, { cause });
      }
    },
  };
}
