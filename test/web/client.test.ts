/** The client of the pages, the command line and the MCP server: what it sends, and how it parses responses. */
import { expect, expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import { parseAnswer } from '../../core/contracts/calls/answer.ts';
import { type ApiRequest, apiClient, type CallInput, type CallResult, requestOf } from '../../core/contracts/calls/client.ts';

const Body = z.strictObject({ id: z.string(), parts: z.array(z.strictObject({ n: z.number() })) });

test('unknown fields are removed at any depth; a missing field or a wrong type is rejected [pages.nothing-lost]', () => {
  const known = { id: 'a', parts: [{ n: 1 }, { n: 2 }] };
  expect(parseAnswer(Body, known)).toEqual(known);
  const newer = { id: 'a', more: { deep: true }, parts: [{ n: 1, also: 'x' }, { n: 2 }] };
  expect(parseAnswer(Body, newer)).toEqual(known);
  expect(newer.more).toEqual({ deep: true });
  expect(() => parseAnswer(Body, { parts: [] })).toThrow();
  expect(() => parseAnswer(Body, { id: 1, parts: [], more: 1 })).toThrow();
});

/** A client whose transport returns these responses, and the requests that it has sent. */
function clientOf(...responses: readonly Response[]) {
  const sent: ApiRequest[] = [];
  const left = [...responses];
  const api = apiClient({
    async send(request) {
      sent.push(request);
      return left.shift() ?? Response.error();
    },
  });
  return { api, sent };
}
const SESSION = { id: 'session_a', userId: 'u', live: true, state: 'recording', createdAt: '2026-03-01T10:00:00Z' } as const;

test('path parameters and the query are encoded, and undefined values are left out', () => {
  expect(requestOf('POST /api/sessions/{id}/chunks/{n}/retry', { path: { id: 'a/b ?#ü', n: 7 } })).toEqual({
    method: 'POST',
    path: '/api/sessions/a%2Fb%20%3F%23%C3%BC/chunks/7/retry',
    headers: {},
  });
  expect(requestOf('GET /api/sessions', { query: { limit: 20, cursor: 'a&b=c+d' } }).path).toBe(
    '/api/sessions?limit=20&cursor=a%26b%3Dc%2Bd',
  );
  expect(requestOf('GET /api/sessions', { query: { limit: undefined, cursor: undefined } }).path).toBe('/api/sessions');
  expect(requestOf('GET /api/sessions').path).toBe('/api/sessions');
});

test('a body is sent as JSON, and headers as they are given', () => {
  const body = { filename: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 1, language: undefined };
  expect(requestOf('POST /api/transcriptions', { headers: { 'Idempotency-Key': 'key' }, body })).toEqual({
    method: 'POST',
    path: '/api/transcriptions',
    headers: { 'Idempotency-Key': 'key', 'content-type': 'application/json' },
    body: '{"filename":"a.mp3","contentType":"audio/mpeg","sizeBytes":1}',
  });
});

test('a result is parsed with the schema of its call, and fields that this version does not know are ignored', async () => {
  const page = { sessions: [{ ...SESSION, mood: 'good' }], cursor: 'next', total: 1 };
  const { api } = clientOf(Response.json(page), Response.json({ sessions: [{ id: 1 }] }), new Response('<!doctype html>'));
  expect(await api('GET /api/sessions')).toEqual({ sessions: [SESSION], cursor: 'next' });
  await expect(api('GET /api/sessions')).rejects.toThrow(z.ZodError);
  await expect(api('GET /api/sessions')).rejects.toThrow(z.ZodError);
});

test('the transport can explain an unexpected body', async () => {
  const diagnose = async (): Promise<void> => {
    throw new Error('this is no stage');
  };
  const api = apiClient({ send: async () => Response.json([]), diagnose });
  await expect(api('GET /api/overview')).rejects.toThrow('this is no stage');
});

test('a call without a body in its response returns undefined', async () => {
  const { api, sent } = clientOf(new Response(null, { status: 204 }));
  expect(await api('DELETE /api/sessions/{id}', { path: { id: 'session_a' } })).toBeUndefined();
  expect(sent).toEqual([{ method: 'DELETE', path: '/api/sessions/session_a', headers: {} }]);
});

test('a text is returned unchanged', async () => {
  const { api, sent } = clientOf(new Response('1\n00:00 --> 00:01\nHello\n'));
  const path = { id: 'job_a' };
  expect(await api.text('GET /api/transcriptions/{id}/transcript', { path, query: { format: 'srt' } })).toBe(
    '1\n00:00 --> 00:01\nHello\n',
  );
  expect(sent[0]?.path).toBe('/api/transcriptions/job_a/transcript?format=srt');
});

test('a conditional call sends the ETag of the last result, and returns no result while it is unchanged', async () => {
  const range = { text: 'hello', coverage: 1, source: 'cache' };
  const { api, sent } = clientOf(Response.json(range, { headers: { etag: '"1"' } }), new Response(null, { status: 304 }));
  const path = { id: 'session_a' };
  const first = await api.ifChanged('GET /api/sessions/{id}/transcript', '', { path });
  expect(first).toEqual({ kind: 'changed', etag: '"1"', result: range });
  expect(await api.ifChanged('GET /api/sessions/{id}/transcript', '"1"', { path })).toEqual({ kind: 'unchanged' });
  expect(sent.map(({ headers }) => headers)).toEqual([{}, { 'if-none-match': '"1"' }]);
});

test('the id of a call determines the types of its parameters and of its result', () => {
  expectTypeOf<CallResult<'DELETE /api/sessions/{id}'>>().toBeUndefined();
  expectTypeOf<CallResult<'GET /api/sessions/{id}/audio'>['next']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<CallInput<'GET /api/sessions'>['query']>().toEqualTypeOf<
    { limit?: string | number | undefined; cursor?: string | undefined } | undefined
  >();
  const { api } = clientOf();
  const wrongCalls = () => [
    // @ts-expect-error there is no such call
    api('GET /api/session'),
    // @ts-expect-error the path parameter is missing
    api('GET /api/sessions/{id}'),
    // @ts-expect-error the path has no such parameter
    api('GET /api/sessions/{id}', { path: { session: 'session_a' } }),
    // @ts-expect-error this call has no query
    api('GET /api/overview', { query: { limit: 1 } }),
    // @ts-expect-error this call has no body
    api('DELETE /api/sessions/{id}', { path: { id: 'session_a' }, body: {} }),
    // @ts-expect-error the body is required
    api('POST /api/sessions/{id}/complete', { path: { id: 'session_a' } }),
    // @ts-expect-error a chunk count is a number
    api('POST /api/sessions/{id}/complete', { path: { id: 'session_a' }, body: { chunkCount: '3' } }),
    // @ts-expect-error there is no such format
    api.text('GET /api/sessions/{id}/transcript', { path: { id: 'session_a' }, query: { format: 'odt' } }),
    // @ts-expect-error this call returns JSON only
    api.text('GET /api/overview'),
    // @ts-expect-error this call never returns 304
    api.ifChanged('GET /api/overview', ''),
  ];
  expect(wrongCalls).toBeTypeOf('function');
});
