import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { synthesized } from '../../bin/synthesized.ts';
import { CALLS, TAGS } from '../../core/contracts/calls/all.ts';
import { buildHandler } from '../../lambdas/service-info/handler.ts';
import { openapi } from '../../scripts/openapi-document.ts';

test('docs/openapi.json is up to date: node scripts/launch.mjs scripts/documents.ts writes it [api.described]', async () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/openapi.json'), 'utf8');
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(openapi())));
  const { body } = await buildHandler('dev')({ routeKey: 'GET /api/openapi.json' });
  expect(JSON.parse(String(body))).toEqual(JSON.parse(text));
});

test('the document has exactly the routes of the template, with the same access [api.described]', () => {
  const routes = Object.values(synthesized().template.findResources('AWS::ApiGatewayV2::Route')).map(
    (route) => route['Properties'],
  );
  expect(routes.map(({ RouteKey }) => RouteKey).sort()).toEqual(Object.keys(CALLS).sort());
  const open = routes.filter(({ AuthorizationType }) => AuthorizationType === 'NONE').map(({ RouteKey }) => RouteKey);
  expect(open.sort()).toEqual(
    Object.keys(CALLS)
      .filter((route) => CALLS[route]?.access === 'anyone')
      .sort(),
  );
});

const Operation = z.looseObject({
  operationId: z.string().regex(/^[a-z][A-Za-z]+$/),
  tags: z.array(z.string()).length(1),
  summary: z.string().min(1),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string(), schema: z.looseObject({}) })).default([]),
  responses: z.record(z.string(), z.looseObject({ description: z.string().min(1) })),
});
const Document = z.looseObject({
  servers: z.array(z.looseObject({ url: z.string().min(1) })).min(1),
  tags: z.array(z.looseObject({ name: z.string(), description: z.string().min(1) })),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
});

test('every operation has a unique id and a declared tag, and every path parameter is described [api.described]', () => {
  const { paths, tags } = Document.parse(JSON.parse(JSON.stringify(openapi())));
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, ...operation })),
  );
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  const declared = tags.map(({ name }) => name);
  expect(new Set(operations.flatMap((operation) => operation.tags))).toEqual(new Set(declared));
  expect(declared).toEqual(Object.keys(TAGS));
  for (const { path, parameters, responses } of operations) {
    const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`);
    expect(inPath, path).toEqual(path.match(/\{\w+\}/g) ?? []);
    expect(
      Object.keys(responses).some((status) => Number(status) < 400),
      path,
    ).toBe(true);
  }
});

test('every call has its own operation id: clients are generated from them', () => {
  const ids = Object.values(CALLS).map(({ operationId }) => operationId);
  expect(ids.every((id) => /^[a-z][A-Za-z]+$/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});
