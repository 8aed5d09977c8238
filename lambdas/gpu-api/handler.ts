import { startGpu } from '../../core/admin/gpu-start.ts';
import { deadChunks, type OverviewDeps, overview } from '../../core/admin/overview.ts';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { stopForAdmin } from '../../core/fleet/admins.ts';
import { costsOfMonth } from '../../core/ledger/costs.ts';
import { endpoints } from '../runtime/endpoint.ts';

export interface GpuApiDeps extends OverviewDeps {
  readonly chunks: OverviewDeps['chunks'] & Pick<ChunkStore, 'listDead'>;
}

/** Manual GPU control, the overview and costs. Admins only. */
export const buildHandler = (deps: GpuApiDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/gpu/start': async ({ body, caller }) => ({
        status: 202,
        body: await startGpu(deps, caller.userId, body.minutes),
      }),

      'POST /api/gpu/stop': async ({ body, caller }) => ({
        status: 200,
        body: await stopForAdmin(deps, caller.userId, body.force),
      }),

      'GET /api/costs': async ({ query }) => ({ status: 200, body: await costsOfMonth(deps, query.month) }),

      'GET /api/overview/dead-chunks': async () => ({ status: 200, body: { dead: await deadChunks(deps) } }),

      'GET /api/overview': async () => ({ status: 200, body: await overview(deps) }),
    },
    clientId,
    deps,
  );
