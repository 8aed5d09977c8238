import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import document from '../../docs/openapi.json' with { type: 'json' };
import { json, type Reply } from '../runtime/endpoint.ts';

/** Public routes without a token: health with the name of the stage, and the OpenAPI document. */
export const buildHandler =
  (stage: string) =>
  async (event: Pick<APIGatewayProxyEventV2, 'routeKey'>): Promise<Reply> =>
    json(200, event.routeKey.endsWith('openapi.json') ? document : { status: 'ok', stage });
