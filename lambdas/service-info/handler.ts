import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import document from '../../docs/openapi.json' with { type: 'json' };
import { json, type Reply } from '../runtime/endpoint.ts';

/** What anybody may know without a token: that the service answers, which stage it is, and what its calls are. */
export const buildHandler =
  (stage: string) =>
  async (event: Pick<APIGatewayProxyEventV2, 'routeKey'>): Promise<Reply> =>
    json(200, event.routeKey.endsWith('openapi.json') ? document : { status: 'ok', stage });
