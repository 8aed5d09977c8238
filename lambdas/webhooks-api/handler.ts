import type { UsageCounter } from '../../core/quota/quota.ts';
import type { SavedAddressRules } from '../../core/webhooks/address.ts';
import { listDeliveries, replay, settingsOf } from '../../core/webhooks/outbox.ts';
import type { WebhookDeps } from '../../core/webhooks/ports.ts';
import { changeWebhook, rotateSecret, viewDelivery, viewSecret, viewWebhook } from '../../core/webhooks/settings.ts';
import { endpoints } from '../runtime/endpoint.ts';

export interface WebhooksApiDeps extends WebhookDeps {
  readonly rules: SavedAddressRules;
  readonly usage: UsageCounter;
}

/** A user's webhook: address, secret and deliveries. */
export const buildHandler = (deps: WebhooksApiDeps, clientId: string) =>
  endpoints(
    {
      'GET /api/webhook': async ({ caller }) => ({
        status: 200,
        body: viewWebhook(await settingsOf(deps, caller.userId)),
      }),

      'PUT /api/webhook': async ({ body, caller }) => ({
        status: 200,
        body: viewWebhook(await changeWebhook(deps, caller, body, deps.rules)),
      }),

      'POST /api/webhook/secret': async ({ caller }) => ({
        status: 201,
        body: viewSecret(await rotateSecret(deps, caller.userId)),
      }),

      'GET /api/webhook/deliveries': async ({ query, caller }) => {
        const { items, cursor } = await listDeliveries(deps, caller.userId, query.limit, query.cursor);
        return { status: 200, body: { deliveries: items.map(viewDelivery), cursor } };
      },

      'POST /api/webhook/deliveries/{id}/replay': async ({ caller, id }) => ({
        status: 202,
        body: viewDelivery(await replay(deps, caller.userId, id)),
      }),
    },
    clientId,
    deps,
  );
