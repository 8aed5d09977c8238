/** Every call validates its input against the API description before it reads or writes anything. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { CALLS } from '../../core/contracts/calls/all.ts';
import { buildHandler as batch } from '../../lambdas/batch-api/handler.ts';
import { buildHandler as corrections } from '../../lambdas/corrections-api/handler.ts';
import { buildHandler as gpu } from '../../lambdas/gpu-api/handler.ts';
import { buildHandler as jobs } from '../../lambdas/jobs-api/handler.ts';
import { type Result, replyOf } from '../../lambdas/runtime/reply.ts';
import { buildHandler as sessions } from '../../lambdas/sessions-api/handler.ts';
import { buildHandler as transcripts } from '../../lambdas/transcripts-api/handler.ts';
import { buildHandler as uploads } from '../../lambdas/uploads-api/handler.ts';
import { buildHandler as webhooks } from '../../lambdas/webhooks-api/handler.ts';
import { accessClaims, type Call, CLIENT_ID, invoke } from '../support/api-event.ts';

/** Rate limits, which are applied after validation. */
const LIMITS: Readonly<Record<PropertyKey, unknown>> = { nowMs: () => 0, usage: { count: async () => 1 } };
/** Stands for every store; its first use fails the call with 500. */
const PASSED: unknown = new Proxy(() => undefined, {
  get: (_target, name) => LIMITS[name] ?? (name === Symbol.toPrimitive ? () => '' : PASSED),
  apply: () => {
    throw new Error('the input passed validation');
  },
});
const HANDLERS = [batch, corrections, gpu, jobs, sessions, transcripts, uploads, webhooks].map((build) =>
  (build as (deps: unknown, clientId: string) => unknown)(PASSED, CLIENT_ID),
);
const ADMIN = accessClaims('admin-1', { 'cognito:groups': '[admin]' });
const OPEN = Object.keys(CALLS).filter((route) => CALLS[route]?.access !== 'anyone');
const SESSION = 'session_1';
const JOB = `job_${'0'.repeat(26)}`;
const DELIVERY = `dlv_${'0'.repeat(13)}_${'a'.repeat(22)}`;

async function handlerOf(route: string): Promise<unknown> {
  // A handler of other routes returns 404, which `invoke` rejects as undocumented.
  for (const handler of HANDLERS) if ((await invoke(handler, { route }).catch(() => undefined))?.status === 401) return handler;
  throw new Error(`no handler serves ${route}`);
}
/** Status of the call; 500 means that its input passed validation. */
async function statusOf(route: string, more: Partial<Call> = {}): Promise<number> {
  const id = route.includes('/sessions/') ? SESSION : route.includes('/deliveries/') ? DELIVERY : JOB;
  const call = { route, id, claims: ADMIN, ...(route.includes('{n}') && { n: '1' }), note: 'one', ...more };
  return Number((await invoke(await handlerOf(route), call)).status);
}
const PASSES = 500;

/** A valid body for each call, with all of its text fields. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /api/sessions': { title: 'Tuesday', language: 'en', prompt: 'p', hotwords: 'h' },
  'PUT /api/recording-defaults': { prompt: 'p', hotwords: 'h' },
  'PATCH /api/sessions/{id}': { title: 'Tuesday' },
  'POST /api/sessions/{id}/resume': {},
  'PUT /api/sessions/{id}/notes/{note}': { text: 'new', chunkNumber: 1, seconds: 1 },
  'POST /api/sessions/{id}/chunks': { chunkNumber: 1, contentType: 'audio/webm', sizeBytes: 1 },
  'POST /api/sessions/{id}/complete': { chunkCount: 1 },
  'POST /api/sessions/{id}/retranscribe': { language: 'en', model: 'base.en' },
  'POST /api/sessions/{id}/transcript/ranges': { start: 0, end: 1 },
  'PUT /api/sessions/{id}/transcript/edits': { version: 0, edits: [{ start: 0, end: 1, text: 'new' }] },
  'PUT /api/sessions/{id}/speakers': { speaker: 'S1', name: 'Ana' },
  'POST /api/sessions/{id}/speakers/assign': { start: 0, end: 1, speaker: 'Ana' },
  'POST /api/sessions/{id}/speakers': { segments: [{ speaker: 'A', start: 0, end: 1 }] },
  'POST /api/known-voices': { sessionId: SESSION, speaker: 'Ana' },
  'PUT /api/corrections': { rules: [{ kind: 'word', match: 'a', replace: 'b' }], targetWords: ['c'], version: 0 },
  'POST /api/transcriptions': {
    filename: 'a.wav',
    contentType: 'audio/wav',
    sizeBytes: 1,
    language: 'en',
    model: 'base.en',
    prompt: 'p',
    hotwords: 'h',
    callbackUrl: 'https://example.com/',
  },
  'POST /api/transcriptions/{id}/parts': { partNumbers: [1] },
  'POST /api/transcriptions/{id}/upload-complete': {},
  'POST /api/transcriptions/{id}/cancel': {},
  'POST /api/transcriptions/{id}/retry': {},
  'POST /api/transcriptions/{id}/retranscribe': { language: 'en', model: 'base.en' },
  'PUT /api/transcriptions/{id}/speakers': { speaker: 'S1', name: 'Ana' },
  'POST /api/transcriptions/{id}/speakers/assign': { start: 0, end: 1, speaker: 'Ana' },
  'POST /api/gpu/start': { minutes: 1 },
  'POST /api/gpu/stop': { force: false },
  'POST /api/batch/lock': { sessionId: SESSION },
  'POST /api/batch/unlock': { sessionId: SESSION },
  'POST /api/batch/runs': { dryRun: true },
  'PUT /api/batch/schedule': { enabled: true },
  'PUT /api/notifications': { sessionCompleted: true },
  'PUT /api/webhook': { url: 'https://example.com/' },
  'POST /api/webhook/secret': {},
  'POST /api/webhook/deliveries/{id}/replay': {},
};
const WITH_BODY = Object.keys(CALLS).filter((route) => CALLS[route]?.body !== undefined);
const takes = (route: string, body: unknown): boolean => CALLS[route]?.body?.safeParse(body).success === true;

test('there is an example for every call with a body', () => {
  expect(Object.keys(BODIES).sort()).toEqual([...WITH_BODY].sort());
});

describe.each(WITH_BODY)('%s', (route) => {
  const body = BODIES[route] ?? {};

  test('the example passes validation [doors.as-described]', async () => {
    expect(await statusOf(route, { body })).toBe(PASSES);
  });

  test('a missing, empty, null or list body is accepted only if the description allows it [doors.as-described]', async () => {
    const missing = takes(route, undefined) ? PASSES : 422;
    expect(await statusOf(route)).toBe(missing);
    expect(await statusOf(route, { rawBody: '' })).toBe(missing);
    expect(await statusOf(route, { body: {} })).toBe(takes(route, {}) ? PASSES : 422);
    expect(await statusOf(route, { rawBody: 'null' })).toBe(422);
    expect(await statusOf(route, { body: [] })).toBe(422);
  });

  test('an unknown field is refused [doors.as-described]', async () => {
    expect(await statusOf(route, { body: { ...body, userId: 'user-other' } })).toBe(422);
  });

  test('an unpaired surrogate is refused in every text [doors.as-described]', async () => {
    for (const broken of withBrokenText(body)) expect([broken, await statusOf(route, { body: broken })]).toEqual([broken, 422]);
  });
});

/** Copies of a value, each with an unpaired surrogate in one of its texts. */
function withBrokenText(value: unknown): unknown[] {
  if (typeof value === 'string') return [`${value}\ud800`, `\udc00${value}`];
  if (Array.isArray(value)) return value.flatMap((each, i) => withBrokenText(each).map((broken) => value.with(i, broken)));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) =>
    withBrokenText(each).map((broken) => ({ ...(value as object), [name]: broken })),
  );
}

test.each(OPEN.filter((route) => !WITH_BODY.includes(route)))('%s has no body: a body is ignored', async (route) => {
  const without = await statusOf(route);
  for (const rawBody of ['{"userId":"user-other"}', '{', 'null'])
    expect([rawBody, await statusOf(route, { rawBody })]).toEqual([rawBody, without]);
  expect(await statusOf(route, { rawBody: 'x', contentType: 'text/plain' })).toBe(without);
});

const NOT_WHOLE = ['0x1', '1e3', ' 1', '1 ', '+1', '-1', '01', '1.0', '1.5', '', '9'.repeat(400), '١', '1,2', 'NaN', 'Infinity'];
const NOT_DECIMAL = NOT_WHOLE.filter((text) => !['1.0', '1.5'].includes(text)).concat('.5', '1.', '00.5');

const Property = z.looseObject({ type: z.string().optional() });
const queriesOf = (route: string): [string, string][] => {
  const query = CALLS[route]?.query;
  if (query === undefined) return [];
  const { properties = {} } = z.toJSONSchema(query, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => [name, Property.parse(property).type ?? '']);
};
const NUMBERS = OPEN.flatMap((route) =>
  queriesOf(route)
    .filter(([, type]) => type === 'integer' || type === 'number')
    .map(([name, type]) => [route, name, type] as const),
);
const ALONE: Readonly<Record<string, object>> = { start: { end: '1000' }, end: { start: '0' } };

test('there are queries with numbers', () => {
  expect(NUMBERS.length).toBeGreaterThan(8);
});

test.each(NUMBERS)('%s: %s accepts only numbers in JSON notation [doors.as-described]', async (route, name, type) => {
  const ask = (text: string) => statusOf(route, { query: { ...ALONE[name], [name]: text } });
  expect(await ask('100')).toBe(PASSES);
  for (const text of type === 'integer' ? NOT_WHOLE : NOT_DECIMAL) expect([text, await ask(text)]).toEqual([text, 422]);
});

test('texts of a query must be well-formed Unicode', async () => {
  for (const route of OPEN)
    for (const [name, type] of queriesOf(route))
      if (type === 'string') expect([route, await statusOf(route, { query: { [name]: 'x\ud800' } })]).toEqual([route, 422]);
});

test('a chunk number in a path is accepted only in its canonical form [doors.as-described]', async () => {
  const route = 'POST /api/sessions/{id}/chunks/{n}/retry';
  expect(await statusOf(route, { n: '99999' })).toBe(PASSES);
  for (const n of [...NOT_WHOLE, '0', '100000']) expect([n, await statusOf(route, { n })]).toEqual([n, 422]);
});

test('a result that the contract of its call does not declare does not compile', () => {
  const cost = (result: Result<'GET /api/sessions/{id}/cost'>) => replyOf(result).statusCode;
  const body = { id: SESSION, gpuSeconds: 1, usd: 1 };
  expect(cost({ status: 200, body })).toBe(200);
  // @ts-expect-error: the declared status is 200
  expect(cost({ status: 201, body })).toBe(201);
  // @ts-expect-error: seconds are a number
  expect(cost({ status: 200, body: { ...body, gpuSeconds: '1' } })).toBe(200);
  // @ts-expect-error: a body is declared
  expect(cost({ status: 200 })).toBe(200);
  // @ts-expect-error: no file is declared
  expect(cost({ status: 200, contentType: 'text/plain', content: '' })).toBe(200);
  // @ts-expect-error: neither 304 nor 307 is declared
  expect(cost({ status: 304 })).toBe(304);
  const transcript = (result: Result<'GET /api/sessions/{id}/transcript'>) => replyOf(result).statusCode;
  expect(transcript({ status: 304 })).toBe(304);
  expect(transcript({ status: 307, location: 'https://download' })).toBe(307);
  expect(transcript({ status: 200, contentType: 'text/plain', content: '' })).toBe(200);
  // @ts-expect-error: a redirect has a location
  expect(transcript({ status: 307 })).toBe(307);
});
