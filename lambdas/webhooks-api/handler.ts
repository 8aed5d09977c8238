import * as z from 'zod';
import { ListDeliveriesQuery, SetWebhook } from '../../core/contracts/http.ts';
import { DELIVERY_ID } from '../../core/contracts/webhooks.ts';
import { DomainError } from '../../core/errors.ts';
import { type QuotaStore, useQuota } from '../../core/quota/quota.ts';
import { type AddressRules, checkWebhookUrl } from '../../core/webhooks/address.ts';
import { replay, settingsOf } from '../../core/webhooks/outbox.ts';
import type { WebhookDeps } from '../../core/webhooks/ports.ts';
import { rotateSecret, setWebhook, viewDelivery, viewWebhook } from '../../core/webhooks/settings.ts';
import { adminOnly, bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';

export interface WebhooksApiDeps extends WebhookDeps {
  readonly rules: AddressRules;
  readonly quota: QuotaStore;
}

const NOTHING = z.object({});

/** A user's webhook: its address, its secret, and what was delivered. */
export const buildHandler = (deps: WebhooksApiDeps, clientId: string) =>
  endpoints(
    {
      'GET /api/webhook': queryRoute(NOTHING, async ({ caller }) =>
        json(200, viewWebhook(await settingsOf(deps, caller.userId))),
      ),

      'PUT /api/webhook': bodyRoute(SetWebhook, async ({ input: { url, batch }, caller }) => {
        if (batch) adminOnly(caller);
        if (url !== null) checkWebhookUrl(url, deps.rules);
        return json(200, viewWebhook(await setWebhook(deps, caller.userId, url, batch)));
      }),

      'POST /api/webhook/secret': bodyRoute(NOTHING, async ({ caller }) => {
        const row = await rotateSecret(deps, caller.userId);
        return json(201, { secret: row.secrets[0]?.secret, ...viewWebhook(row) });
      }),

      'GET /api/webhook/deliveries': queryRoute(ListDeliveriesQuery, async ({ input: { limit, cursor }, caller }) => {
        const rows = await deps.webhooks.listOf(caller.userId, limit, cursor);
        return json(200, { deliveries: rows.map(viewDelivery), cursor: rows.length < limit ? undefined : rows.at(-1)?.id });
      }),

      'POST /api/webhook/deliveries/{id}/replay': bodyRoute(NOTHING, async ({ caller, id }) => {
        await useQuota(deps.quota, 'job', caller.userId, deps.nowMs());
        if (!DELIVERY_ID.test(id)) throw new DomainError('not-found', 'there is no such delivery');
        return json(202, viewDelivery(await replay(deps, caller.userId, id)));
      }),
    },
    clientId,
  );
