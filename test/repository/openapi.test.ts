import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { synthesized } from '../../bin/synthesized.ts';
import { CALLS } from '../../core/api/calls.ts';
import { buildHandler } from '../../lambdas/service-info/handler.ts';
import { openapi } from '../../scripts/openapi-document.ts';

test('docs/openapi.json is what the schemas make now: node scripts/launch.mjs scripts/openapi.ts writes it', async () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/openapi.json'), 'utf8');
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(openapi())));
  const { body } = await buildHandler('dev')({ routeKey: 'GET /api/openapi.json' });
  expect(JSON.parse(String(body))).toEqual(JSON.parse(text));
});

test('the document has exactly the routes of the template, and the same ones are open', () => {
  const routes = Object.values(synthesized().template.findResources('AWS::ApiGatewayV2::Route')).map(
    (route) => route['Properties'],
  );
  expect(routes.map(({ RouteKey }) => RouteKey).sort()).toEqual(Object.keys(CALLS).sort());
  const open = routes.filter(({ AuthorizationType }) => AuthorizationType === 'NONE').map(({ RouteKey }) => RouteKey);
  expect(open.sort()).toEqual(
    Object.keys(CALLS)
      .filter((route) => CALLS[route]?.open)
      .sort(),
  );
});
