import * as z from 'zod';
import { Corrections } from '../../core/contracts/corrections.ts';
import type { SettingsStore } from '../../core/corrections/ports.ts';
import { readCorrections, saveCorrections } from '../../core/corrections/settings.ts';
import { bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';

/** The caller's corrections and target words. A change is applied to everything of theirs in the background. */
export const buildHandler = (settings: SettingsStore, clientId: string) =>
  endpoints(
    {
      'GET /api/corrections': queryRoute(z.object({}), async ({ caller }) =>
        json(200, await readCorrections(settings, caller.userId)),
      ),
      'PUT /api/corrections': bodyRoute(Corrections, async ({ input, caller }) =>
        json(200, await saveCorrections(settings, caller.userId, input)),
      ),
    },
    clientId,
  );
