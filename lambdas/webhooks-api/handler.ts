import * as z from 'zod';
import { NoFields } from '../../core/contracts/fields.ts';
import { ListDeliveriesQuery, SetWebhook } from '../../core/contracts/http.ts';
import { DELIVERY_ID } from '../../core/contracts/webhooks.ts';
import { DomainError } from '../../core/errors.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import type { SavedAddressRules } from '../../core/webhooks/address.ts';
import { replay, settingsOf } from '../../core/webhooks/outbox.ts';
import type { WebhookDeps } from '../../core/webhooks/ports.ts';
import { checkSetting, rotateSecret, setWebhook, viewDelivery, viewWebhook } from '../../core/webhooks/settings.ts';
import { adminOnly, bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';
import { pageOf } from '../runtime/page.ts';

export interface WebhooksApiDeps extends WebhookDeps {
  readonly rules: SavedAddressRules;
  readonly usage: UsageCounter;
}

const NOTHING = z.object({});

/** A user's webhook: address, secret and deliveries. */
export const buildHandler = (deps: WebhooksApiDeps, clientId: string) =>
  endpoints(
    {
      'GET /api/webhook': queryRoute(NOTHING, async ({ caller }) =>
        json(200, viewWebhook(await settingsOf(deps, caller.userId))),
      ),

      'PUT /api/webhook': bodyRoute(SetWebhook, async ({ input: { url, batch }, caller }) => {
        if (batch) adminOnly(caller);
        if (url !== null) await checkSetting(deps, caller.userId, url, deps.rules);
        return json(200, viewWebhook(await setWebhook(deps, caller.userId, url, batch)));
      }),

      'POST /api/webhook/secret': bodyRoute(NoFields, async ({ caller }) => {
        const row = await rotateSecret(deps, caller.userId);
        return json(201, { secret: row.secrets[0]?.secret, ...viewWebhook(row) });
      }),

      'GET /api/webhook/deliveries': queryRoute(ListDeliveriesQuery, async ({ input: { limit, cursor }, caller }) => {
        const { items, next } = pageOf(await deps.webhooks.listOf(caller.userId, limit + 1, cursor), limit);
        return json(200, { deliveries: items.map(viewDelivery), cursor: next?.id });
      }),

      'POST /api/webhook/deliveries/{id}/replay': bodyRoute(NoFields, async ({ caller, id }) => {
        if (!DELIVERY_ID.test(id)) throw new DomainError('not-found', 'there is no such delivery');
        return json(202, viewDelivery(await replay(deps, caller.userId, id)));
      }),
    },
    clientId,
    deps,
  );
