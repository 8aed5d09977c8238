/** The rate limits allow five times the calls of our own pages, command line and recorders. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CALLS } from '../../core/contracts/calls/all.ts';
import { limits } from '../../lambdas/runtime/limits.ts';
import { POLLING } from '../../web/src/api/polling.ts';
import { CHUNK_SECONDS } from '../../web/src/recorder/chunk-recorder.ts';
import { RENEW_MS } from '../../web/src/recorder/lock.ts';
import { STATE_POLLING } from '../../web/src/recorder/upload-queue.ts';
import { memoryUsageCounter } from '../support/memory-stores.ts';
import { recordingWorld } from '../support/recording-world.ts';

const MARGIN = 5;
const LONGEST_RECORDING_MINUTES = 30;

/** The shortest refresh interval of a page, read from its source. */
function refreshOf(page: string): number {
  const text = readFileSync(join(import.meta.dirname, '../../web/src', page), 'utf8');
  return Math.min(...[...text.matchAll(/everySeconds: (\d+)/g)].map(([, seconds]) => Number(seconds)));
}
const [sessionPage, filePage] = [refreshOf('transcript/session-page.tsx'), refreshOf('transcript/file-page.tsx')];
/** Shortest seconds between two calls of one user who records and has every page open. */
const OUR_CALLS: Readonly<Record<string, readonly number[]>> = {
  'POST /api/sessions/{id}/chunks': [CHUNK_SECONDS],
  'POST /api/batch/lock': [RENEW_MS / 1000],
  'GET /api/sessions/{id}': [STATE_POLLING.firstMs / 1000, sessionPage],
  'GET /api/sessions/{id}/transcript': [POLLING.firstMs / 1000, sessionPage],
  'GET /api/sessions/{id}/transcript/edits': [sessionPage],
  'GET /api/sessions/{id}/audio': [sessionPage],
  'GET /api/sessions': [refreshOf('library/library-page.tsx')],
  'GET /api/transcriptions': [refreshOf('files/files-page.tsx')],
  // The page, the command line and an MCP client poll equally often.
  'GET /api/transcriptions/{id}/status': [filePage, filePage, filePage],
  'GET /api/overview': [refreshOf('dashboard/dashboard-page.tsx')],
  'GET /api/batch/runs': [refreshOf('dashboard/batch.tsx')],
  'GET /api/batch/runs/{id}': [refreshOf('dashboard/batch.tsx')],
  'GET /api/batch/lock-status': [refreshOf('dashboard/problems.tsx')],
  'GET /api/overview/dead-chunks': [refreshOf('dashboard/problems.tsx')],
};
/** Calls that a recording makes once. */
const ONCE = ['POST /api/sessions', 'POST /api/sessions/{id}/complete', 'POST /api/batch/unlock', 'PUT /api/corrections'];

test('five times the maximum calls of our own pages are never rejected, even if one function gets all of them [api.quota]', async () => {
  let nowMs = 0;
  const admit = limits(Object.keys(CALLS), { usage: memoryUsageCounter(), nowMs: () => nowMs });
  const calls = Object.entries(OUR_CALLS).flatMap(([route, pauses]) =>
    pauses.flatMap((seconds) => {
      const count = Math.floor((MARGIN * LONGEST_RECORDING_MINUTES * 60) / seconds);
      return Array.from({ length: count }, (_, i) => ({ route, atMs: (i * 1000 * seconds) / MARGIN }));
    }),
  );
  expect(calls.every(({ atMs }) => Number.isFinite(atMs))).toBe(true);
  for (let n = 0; n < MARGIN; n++) calls.push(...ONCE.map((route) => ({ route, atMs: 0 })));
  calls.sort((a, b) => a.atMs - b.atMs);
  for (const { route, atMs } of calls) {
    nowMs = atMs;
    await admit(route, 'user-a');
  }
});

test('five recorders of one user that come back online can upload two hours each within a minute [api.quota]', async () => {
  const w = await recordingWorld();
  for (let n = 1; n <= (MARGIN * 2 * 3600) / CHUNK_SECONDS; n++)
    expect((await w.presign({ chunkNumber: 1 + (n % 900) })).status).toBe(201);
});
