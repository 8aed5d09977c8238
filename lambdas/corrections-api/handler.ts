import type { SettingsStore } from '../../core/corrections/ports.ts';
import { readCorrections, saveCorrections } from '../../core/corrections/settings.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import { endpoints } from '../runtime/endpoint.ts';

export interface CorrectionsDeps {
  readonly settings: SettingsStore;
  readonly usage: UsageCounter;
  readonly nowMs: () => number;
}

/** The caller's corrections and target words. A change is applied to all of their texts in the background. */
export const buildHandler = (deps: CorrectionsDeps, clientId: string) =>
  endpoints(
    {
      'GET /api/corrections': async ({ caller }) => ({
        status: 200,
        body: await readCorrections(deps.settings, caller.userId),
      }),

      'PUT /api/corrections': async ({ body, caller }) => ({
        status: 200,
        body: await saveCorrections(deps.settings, caller.userId, body),
      }),
    },
    clientId,
    deps,
  );
