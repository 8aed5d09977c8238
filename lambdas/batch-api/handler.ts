import { type LockDeps, lockStatus, unlock, unlockAny, viewLock } from '../../core/batch-lock/lock.ts';
import { beginManually, type ManualDeps } from '../../core/batch-run/manual.ts';
import type { BatchStore, RunFiles } from '../../core/batch-run/ports.ts';
import { listReported, listRuns, pendingFor, reportNamed, runDetails, viewReported, viewRun } from '../../core/batch-run/runs.ts';
import { setPaused } from '../../core/batch-run/schedule.ts';
import type { NoticeStore } from '../../core/notifications/ports.ts';
import { changeMailSettings, type MailSettingsDeps } from '../../core/notifications/settings.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import { lockRecording, type RecordingDeps } from '../../core/sessions/recording.ts';
import { endpoints } from '../runtime/endpoint.ts';
import { logger, warn } from '../runtime/logger.ts';

export interface BatchApiDeps extends LockDeps, RecordingDeps, ManualDeps, MailSettingsDeps {
  readonly batch: BatchStore;
  readonly files: Pick<RunFiles, 'readPending' | 'readReport'>;
  readonly notices: NoticeStore;
  readonly usage: UsageCounter;
}

/** Recording locks, missing chunks and email settings; for admins also batch runs, their reports and the schedule. */
export const buildHandler = (deps: BatchApiDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/batch/lock': async ({ body, caller }) => {
        const lease = await lockRecording(deps, caller, body.sessionId);
        return { status: 200, body: { locked: true, ...viewLock(lease) } };
      },

      'POST /api/batch/unlock': async ({ body, caller }) => {
        const released = await unlock(deps, caller.userId, body.sessionId);
        return { status: 200, body: { locked: false, released } };
      },

      'GET /api/batch/lock-status': async ({ caller }) => ({ status: 200, body: await lockStatus(deps, caller) }),

      'DELETE /api/batch/locks/{id}': async ({ caller, id }) => {
        await unlockAny(deps, id);
        logger.warn('lock released by an admin', { sessionId: id, admin: caller.userId });
        return { status: 204 };
      },

      'POST /api/batch/runs': async ({ body }) => ({
        status: 202,
        body: viewRun(await beginManually(deps, body.dryRun, warn)),
      }),

      'GET /api/batch/runs': async ({ query: { limit, cursor } }) => {
        const runs = await listRuns(deps.batch, limit, cursor);
        const { is_paused: paused } = await deps.batch.readState();
        return { status: 200, body: { runs: runs.items.map(viewRun), paused, cursor: runs.cursor } };
      },

      'GET /api/batch/runs/{id}': async ({ id }) => ({ status: 200, body: await runDetails(deps, id) }),

      'GET /api/batch/pending': async ({ caller }) => ({ status: 200, body: await pendingFor(deps.files, caller) }),

      'GET /api/batch/reports': async ({ query: { limit, cursor } }) => {
        const runs = await listReported(deps.batch, limit, cursor);
        return { status: 200, body: { reports: runs.items.map(viewReported), cursor: runs.cursor } };
      },

      'GET /api/batch/reports/{id}': async ({ id }) => ({ status: 200, body: await reportNamed(deps.files, id) }),

      'GET /api/notifications': async ({ caller }) => ({
        status: 200,
        body: await deps.notices.mailSettings(caller.userId),
      }),

      'PUT /api/notifications': async ({ body, caller }) => ({
        status: 200,
        body: await changeMailSettings(deps, caller.userId, body),
      }),

      'PUT /api/batch/schedule': async ({ body: { enabled } }) => {
        await setPaused(deps.batch, !enabled);
        return { status: 200, body: { enabled } };
      },
    },
    clientId,
    deps,
  );
