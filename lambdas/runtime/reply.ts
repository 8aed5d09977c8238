/** Results of routes, typed by the answers that the contract declares, and the replies of API Gateway made from them. */
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type * as z from 'zod';
import type { CallId, calls } from '../../core/contracts/calls/all.ts';
import type { AnswerSchemas } from '../../core/contracts/calls/types.ts';

/** The reply of a function to API Gateway. */
export type Reply = APIGatewayProxyStructuredResultV2;

/** Headers in addition to, or instead of, those that every reply has. */
interface WithHeaders {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Results are only serialized, so their parts may be readonly. */
type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: Frozen<T[Name]> }
    : T;

/** The result with one declared status: a body that fits the schema, or none. */
type ResultWith<Status, Schema> = WithHeaders & { readonly status: Status } & (Schema extends z.ZodType
    ? { readonly body: Frozen<z.input<Schema>> }
    : Status extends 307
      ? { readonly location: string }
      : unknown);

/** Content that is sent as it is, in one of the declared media types or as JSON. */
type FileResult<Id extends CallId> = (typeof calls)[Id] extends { readonly files: readonly string[] }
  ? WithHeaders & { readonly status: 200; readonly contentType: string; readonly content: string | Uint8Array }
  : never;

/** What a route may return: one of the answers that the contract declares for its call. */
export type Result<Id extends CallId> =
  | { [Status in keyof AnswerSchemas<Id>]: ResultWith<Status, AnswerSchemas<Id>[Status]> }[keyof AnswerSchemas<Id>]
  | FileResult<Id>;

/** The result of any call. */
export interface AnyResult extends WithHeaders {
  readonly status: number;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly content?: string | Uint8Array;
  readonly location?: string;
}

/** API Gateway decodes base64, so that clients get the bytes. */
const bodyOf = (content: string | Uint8Array): Pick<Reply, 'body' | 'isBase64Encoded'> =>
  typeof content === 'string' ? { body: content } : { body: Buffer.from(content).toString('base64'), isBase64Encoded: true };

/** Makes the reply of a result. Replies with content, and redirects, are not cached unless their headers allow it. */
export function replyOf({ status, body, contentType = 'application/json', content, location, headers }: AnyResult): Reply {
  const sent = content ?? (body === undefined ? undefined : JSON.stringify(body));
  if (sent !== undefined)
    return {
      statusCode: status,
      headers: { 'content-type': contentType, 'cache-control': 'no-store', ...headers },
      ...bodyOf(sent),
    };
  if (location !== undefined) return { statusCode: status, headers: { location, 'cache-control': 'no-store', ...headers } };
  return { statusCode: status, ...(headers !== undefined && { headers: { ...headers } }) };
}
