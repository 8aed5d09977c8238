/** Types of the calls of the HTTP API, derived from their schemas. Handlers use the parsed types, clients the ones before parsing. */
import type * as z from 'zod';
import type { CallId, calls } from './all.ts';

type Calls = typeof calls;
type SchemaOf<Id extends CallId, Part extends string> =
  Calls[Id] extends Readonly<Record<Part, infer Schema extends z.ZodType>> ? Schema : undefined;
type NamesIn<Path> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;

/** Names of the path parameters of a call; `never` without any. */
export type PathNames<Id extends CallId> = NamesIn<Id>;
/** Schema of the JSON body of a call; undefined if it has none. */
export type BodySchema<Id extends CallId> = SchemaOf<Id, 'body'>;
/** Schema of the query string of a call; undefined if it has none. */
export type QuerySchema<Id extends CallId> = SchemaOf<Id, 'query'>;
/** Schema of the headers of a call; undefined if it has none. */
export type HeaderSchema<Id extends CallId> = SchemaOf<Id, 'headers'>;
/** Success status -> schema of the JSON body, or `null` without a body. */
export type AnswerSchemas<Id extends CallId> = Calls[Id]['answers'];
/** Schema of the JSON body of a successful response, whatever its status; `never` if no success has a body. */
export type AnswerSchema<Id extends CallId> = Extract<AnswerSchemas<Id>[keyof AnswerSchemas<Id>], z.ZodType>;
