import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import document from '../../docs/openapi.json' with { type: 'json' };
import { type Reply, type Result, replyOf } from '../runtime/reply.ts';

/** Public routes without a token: health with the name of the stage, and the OpenAPI document. */
export const buildHandler = (stage: string) => {
  const health: Result<'GET /api/health'> = { status: 200, body: { status: 'ok', stage } };
  const description: Result<'GET /api/openapi.json'> = { status: 200, body: document };
  return async (event: Pick<APIGatewayProxyEventV2, 'routeKey'>): Promise<Reply> =>
    replyOf(event.routeKey.endsWith('openapi.json') ? description : health);
};
