import type { Construct } from 'constructs';
import { serviceFunction } from './service-function.ts';
import type { SharedByCalls } from './shared.ts';

/**
 * Serves the health check and the OpenAPI document, which need no token.
 *
 * Gotcha: the function is a child of the stack. A construct around it would change its logical id.
 */
export function serviceInfo(stack: Construct, { stage, api }: Pick<SharedByCalls, 'stage' | 'api'>): void {
  const handler = serviceFunction(stack, 'ServiceInfo', { folder: 'service-info', env: { STAGE: stage.name } });
  api.servePublic(handler, 'GET /api/health', 'GET /api/openapi.json');
}
