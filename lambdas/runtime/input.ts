/** Parses the input of a request by the schemas of its call. */
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import * as z from 'zod';
import type { ApiCall } from '../../core/contracts/calls/call.ts';
import { DomainError } from '../../core/errors.ts';

const UNPAIRED_SURROGATE = 'the text contains an unpaired surrogate';

/** Stores accept well-formed Unicode only. @throws ZodError with the path of each malformed text */
function refuseMalformedText(input: unknown): void {
  const issues: z.core.$ZodIssue[] = [];
  const look = (value: unknown, path: readonly PropertyKey[]): void => {
    if (typeof value === 'string' && !value.isWellFormed())
      issues.push({ code: 'custom', path: [...path], message: UNPAIRED_SURROGATE, input: value });
    if (typeof value === 'object' && value !== null)
      for (const [name, part] of Object.entries(value)) look(part, [...path, name]);
  };
  look(input, []);
  if (issues.length > 0) throw new z.ZodError(issues);
}

function accepted(schema: z.ZodType, raw: unknown): unknown {
  const input = schema.parse(raw);
  refuseMalformedText(input);
  return input;
}

const parseBody = httpJsonBodyParser();

/** The parsed JSON body; undefined without a body. */
function jsonOf({ headers, body, isBase64Encoded }: APIGatewayProxyEventV2): unknown {
  if (!body) return undefined;
  const request = { event: { headers, body, isBase64Encoded } };
  parseBody.before?.(request as Parameters<NonNullable<typeof parseBody.before>>[0]);
  return request.event.body;
}

function bodyOf(schema: z.ZodType, event: APIGatewayProxyEventV2): unknown {
  const body = jsonOf(event);
  if (body === undefined && !schema.safeParse(undefined).success)
    throw new DomainError('invalid', 'this call requires a JSON body');
  return accepted(schema, body);
}

/** The declared headers by their declared names. Headers of the event have lower-case names. */
const headersOf = (schema: z.ZodObject, { headers }: APIGatewayProxyEventV2): Record<string, unknown> =>
  Object.fromEntries(Object.entries(schema.shape).map(([name, header]) => [name, z.parse(header, headers[name.toLowerCase()])]));

/** Input of a call; a part that the call does not declare is undefined. */
export interface Input {
  readonly body: unknown;
  readonly query: unknown;
  readonly headers: unknown;
}

/** Parses the declared parts of the input. A body that is not declared is ignored. @throws DomainError `invalid`, or ZodError */
export const inputOf = ({ body, query, headers }: ApiCall, event: APIGatewayProxyEventV2): Input => ({
  body: body && bodyOf(body, event),
  query: query && accepted(query, event.queryStringParameters ?? {}),
  headers: headers && headersOf(headers, event),
});
