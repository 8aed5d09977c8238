import type * as z from 'zod';
import type { ErrorCode } from '../errors.ts';

/**
 * Who may make a call. `own`: every user, on their own data; `owner`: the owner of the session or job, and admins;
 * `owner-alone`: the owner only, not admins; `anyone`: no token needed.
 */
type Access = 'own' | 'owner' | 'owner-alone' | 'admin' | 'anyone';

/** A call of the HTTP API. */
export interface ApiCall {
  /** For clients generated from the OpenAPI document; never changes. */
  readonly operationId: string;
  readonly access: Access;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  /** Optional in a request if the schema accepts `undefined`. */
  readonly body?: z.ZodType;
  /** Success status -> response schema; `null`: no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Media types of a successful response other than JSON. */
  readonly files?: readonly string[];
  /** In addition to the errors that every call can have. */
  readonly errors?: readonly ErrorCode[];
}

/** Calls by route key, such as `GET /api/sessions/{id}`. */
export type ApiCalls = Readonly<Record<string, ApiCall>>;
