import type { SettingsStore } from '../../core/corrections/ports.ts';
import { readCorrections, saveCorrections } from '../../core/corrections/settings.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import type { RecordingDefaultsStore } from '../../core/sessions/ports.ts';
import { endpoints } from '../runtime/endpoint.ts';

export interface CorrectionsDeps {
  readonly defaults: RecordingDefaultsStore;
  readonly settings: SettingsStore;
  readonly usage: UsageCounter;
  readonly nowMs: () => number;
}

/** Settings of the caller: corrections and target words, whose changes are applied to all of their texts in the background; defaults of recordings. */
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

      'GET /api/recording-defaults': async ({ caller }) => ({ status: 200, body: await deps.defaults.get(caller.userId) }),

      'PUT /api/recording-defaults': async ({ body, caller }) => {
        await deps.defaults.put(caller.userId, body);
        return { status: 200, body };
      },
    },
    clientId,
    deps,
  );
