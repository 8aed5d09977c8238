import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { expect } from 'vitest';
import { Problem } from '../../core/contracts/answers.ts';
import { CALLS } from '../../core/contracts/calls/all.ts';

export const CLIENT_ID = 'client-1';

export const accessClaims = (sub: string, more: Readonly<Record<string, string>> = {}) => ({
  sub,
  token_use: 'access',
  client_id: CLIENT_ID,
  ...more,
});

export interface Call {
  readonly route: string;
  readonly id?: string;
  readonly n?: string;
  readonly note?: string;
  readonly body?: unknown;
  /** Sent unchanged, instead of `body` as JSON. */
  readonly rawBody?: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly claims?: Readonly<Record<string, string>>;
}

/** An event as an HTTP API with a JWT authorizer delivers it. */
function apiEvent(call: Call): APIGatewayProxyEventV2 {
  const { route, id, n, note, body, rawBody, contentType = 'application/json', headers, query, claims } = call;
  const [method = '', path = ''] = route.split(' ');
  return {
    version: '2.0',
    routeKey: route,
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': contentType, ...headers },
    isBase64Encoded: false,
    ...(id !== undefined && { pathParameters: { id, ...(n !== undefined && { n }), ...(note !== undefined && { note }) } }),
    ...(query !== undefined && { queryStringParameters: { ...query } }),
    ...((rawBody ?? body) !== undefined && { body: rawBody ?? JSON.stringify(body) }),
    requestContext: {
      accountId: '1',
      apiId: 'a',
      domainName: 'd',
      domainPrefix: 'd',
      requestId: 'r',
      routeKey: route,
      stage: '$default',
      time: '',
      timeEpoch: 0,
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
      ...(claims !== undefined && { authorizer: { jwt: { claims, scopes: [] } } }),
    },
  } as APIGatewayProxyEventV2;
}

type Handler = (event: APIGatewayProxyEventV2, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

const parsed = (contentType: unknown, body: string | undefined) =>
  body === undefined || !String(contentType).includes('json') ? body : JSON.parse(body);

/** Checks every response in every test against the API description. */
function checkResponse(route: string, status: number, body: unknown): void {
  const call = CALLS[route];
  if (call === undefined) return;
  if (status >= 400) {
    const { code } = Problem.parse(body);
    expect([...ALWAYS, ...(call.errors ?? [])], `${route} may return ${code}`).toContain(code);
  } else call.answers[status]?.parse(body);
}
const ALWAYS = ['unauthorized', 'invalid', 'too-many', 'malformed', 'unsupported-type', 'internal'];

/** Calls a handler; returns status, headers and the parsed body, or its bytes. */
export async function invoke(handler: unknown, call: Call) {
  const { statusCode, headers, body, isBase64Encoded } = await (handler as Handler)(apiEvent(call), {} as Context);
  if (isBase64Encoded) return { status: statusCode, headers, body: Buffer.from(body ?? '', 'base64') };
  const response = { status: statusCode, headers, body: parsed(headers?.['content-type'], body) };
  if (typeof response.body === 'object') checkResponse(call.route, Number(statusCode), response.body);
  return response;
}
