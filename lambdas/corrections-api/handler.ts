import * as z from 'zod';
import { ChangeCorrections } from '../../core/contracts/corrections.ts';
import type { SettingsStore } from '../../core/corrections/ports.ts';
import { readCorrections, saveCorrections } from '../../core/corrections/settings.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import { bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';

export interface CorrectionsDeps {
  readonly settings: SettingsStore;
  readonly usage: UsageCounter;
  readonly nowMs: () => number;
}

/** The caller's corrections and target words. A change is applied to all of their texts in the background. */
export const buildHandler = (deps: CorrectionsDeps, clientId: string) =>
  endpoints(
    {
      'GET /api/corrections': queryRoute(z.object({}), async ({ caller }) =>
        json(200, await readCorrections(deps.settings, caller.userId)),
      ),
      'PUT /api/corrections': bodyRoute(ChangeCorrections, async ({ input, caller }) =>
        json(200, await saveCorrections(deps.settings, caller.userId, input)),
      ),
    },
    clientId,
    deps,
  );
