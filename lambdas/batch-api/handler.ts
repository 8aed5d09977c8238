import * as z from 'zod';
import { isRecording, type LockDeps, lock, lockStatus, unlock, unlockAny, viewLock } from '../../core/batch-lock/lock.ts';
import type { NoticeStore } from '../../core/batch-run/mail.ts';
import type { BatchStore, RunFiles } from '../../core/batch-run/ports.ts';
import { begin, viewRun } from '../../core/batch-run/run.ts';
import {
  BeginBatch,
  ChangeNotifications,
  ListRunsQuery,
  LockSession,
  SetSchedule,
  UnlockSession,
} from '../../core/contracts/http.ts';
import { DomainError } from '../../core/errors.ts';
import { type QuotaStore, useQuota } from '../../core/quota/quota.ts';
import type { Caller } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { adminOnly, bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';
import { logger } from '../runtime/logger.ts';

export interface BatchApiDeps extends LockDeps {
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly batch: BatchStore;
  readonly files: Pick<RunFiles, 'readPending' | 'readReport'>;
  readonly quota: QuotaStore;
  readonly notices: NoticeStore;
  /** Whether the stage sends mail. */
  readonly canMail: boolean;
  readonly maxBlockedHours: number;
  /** Has a run begun at once; without it the next minute does. */
  readonly kick: () => Promise<void>;
}

const NOTHING = z.object({});
const HOUR_MS = 3_600_000;

/** A session that is known must be the caller's; an older recorder's may not be known yet. */
async function mayLock({ sessions }: BatchApiDeps, caller: Caller, sessionId: string): Promise<void> {
  const session = await sessions.get(sessionId);
  if (session === undefined) return;
  if (session.user_id !== caller.userId) throw new DomainError('forbidden', 'this session belongs to somebody else');
  if (session.state === 'deleted') throw new DomainError('deleted', 'this session was deleted');
  if (session.state === 'completed') throw new DomainError('not-recording', 'the recording of this session has stopped');
}

/** A run by hand waits for recordings, unless they have held the batch back for too long already. */
async function mayRun({ locks, maxBlockedHours, nowMs }: BatchApiDeps): Promise<void> {
  const gate = await locks.readGate();
  const blockedMs = nowMs() - (gate.blocked_since_ms ?? nowMs());
  if (isRecording(gate, nowMs()) && blockedMs < maxBlockedHours * HOUR_MS)
    throw new DomainError('session-active', 'a recording holds the lock; try again after it, or look with a dry run', {
      expiresAt: new Date(gate.live_until_ms).toISOString(),
    });
}

/** Locks of recorders; the batch by hand and what came of it, for admins. */
export const buildHandler = (deps: BatchApiDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/batch/lock': bodyRoute(LockSession, async ({ input, caller }) => {
        await useQuota(deps.quota, 'lock', caller.userId, deps.nowMs());
        await mayLock(deps, caller, input.sessionId);
        const lease = await lock(deps, { userId: caller.userId, sessionId: input.sessionId });
        // A renewal that was on its way when Stop released the lock must not bring it back.
        await mayLock(deps, caller, input.sessionId).catch(async (error: unknown) => {
          await unlock(deps, caller.userId, input.sessionId);
          throw error;
        });
        return json(200, { locked: true, ...viewLock(lease) });
      }),

      'POST /api/batch/unlock': bodyRoute(UnlockSession, async ({ input, caller }) => {
        const released = await unlock(deps, caller.userId, input.sessionId);
        return json(200, { locked: false, released });
      }),

      'GET /api/batch/lock-status': queryRoute(NOTHING, async ({ caller }) => json(200, await lockStatus(deps, caller))),

      'DELETE /api/batch/locks/{id}': queryRoute(NOTHING, async ({ caller, id }) => {
        adminOnly(caller);
        if ((await unlockAny(deps, id)) === 0) throw new DomainError('not-found', 'this session holds no lock');
        logger.warn('lock released by an admin', { sessionId: id, admin: caller.userId });
        return { statusCode: 204 };
      }),

      'POST /api/batch/runs': bodyRoute(BeginBatch, async ({ input, caller }) => {
        adminOnly(caller);
        if (!input.dryRun) await mayRun(deps);
        const run = await begin(deps, { trigger: 'manual', dryRun: input.dryRun });
        await deps.kick().catch((error: unknown) => logger.warn('the run begins with the next minute', error as Error));
        return json(202, viewRun(run));
      }),

      'GET /api/batch/runs': queryRoute(ListRunsQuery, async ({ input, caller }) => {
        adminOnly(caller);
        const runs = await deps.batch.listRuns(input.limit, input.cursor);
        const last = runs.length === input.limit ? runs.at(-1)?.id : undefined;
        return json(200, { runs: runs.map(viewRun), paused: (await deps.batch.readState()).is_paused, cursor: last });
      }),

      'GET /api/batch/runs/{id}': queryRoute(NOTHING, async ({ caller, id }) => {
        adminOnly(caller);
        const run = await deps.batch.readRun(id);
        if (run === undefined) throw new DomainError('not-found', 'there is no such run');
        return json(200, { ...viewRun(run), report: await deps.files.readReport(id) });
      }),

      'GET /api/batch/pending': queryRoute(NOTHING, async ({ caller }) => {
        const found = await deps.files.readPending();
        if (found === undefined) return json(200, { sessionsScanned: 0, totalMissingChunks: 0, pending: [] });
        const pending = found.pending.filter(({ userId }) => caller.isAdmin || userId === caller.userId);
        // How much others have is nobody's business.
        return json(200, caller.isAdmin ? found : { scannedAt: found.scannedAt, totalMissingChunks: pending.length, pending });
      }),

      'GET /api/batch/reports': queryRoute(ListRunsQuery, async ({ input, caller }) => {
        adminOnly(caller);
        const runs = await deps.batch.listRuns(input.limit, input.cursor);
        const reports = runs
          .filter((run) => run.state === 'finished' && !run.dry_run)
          .map((run) => ({
            name: run.id,
            timestamp: new Date(run.started_at_ms).toISOString(),
            status: run.status,
            totalMissingChunks: run.scan?.missing ?? 0,
          }));
        const last = runs.length === input.limit ? runs.at(-1)?.id : undefined;
        return json(200, { reports, cursor: last });
      }),

      'GET /api/batch/reports/{id}': queryRoute(NOTHING, async ({ caller, id }) => {
        adminOnly(caller);
        const report = await readReport(deps, id);
        if (report === undefined) throw new DomainError('not-found', 'there is no such report');
        return json(200, report);
      }),

      'GET /api/notifications': queryRoute(NOTHING, async ({ caller }) => json(200, await deps.notices.wants(caller.userId))),

      'PUT /api/notifications': bodyRoute(ChangeNotifications, async ({ input, caller }) => {
        const wishes = { ...(await deps.notices.wants(caller.userId)), ...input };
        const some = wishes.sessionCompleted || wishes.fileCompleted;
        if (some && !deps.canMail) throw new DomainError('invalid', 'this stage sends no mail');
        await deps.notices.setWants(caller.userId, wishes);
        return json(200, wishes);
      }),

      'PUT /api/batch/schedule': bodyRoute(SetSchedule, async ({ input, caller }) => {
        adminOnly(caller);
        await setPaused(deps.batch, !input.enabled);
        return json(200, { enabled: input.enabled });
      }),
    },
    clientId,
  );

const RUN_NAME = /^batch-\d{4}-\d{2}-\d{2}-\d{4}(?:-\d+)?$/;
const readReport = async ({ files }: BatchApiDeps, name: string) => {
  const runId = name.replace(/\.json$/, '');
  return RUN_NAME.test(runId) ? files.readReport(runId) : undefined;
};

const MAX_COLLISIONS = 20;
async function setPaused(batch: BatchStore, is_paused: boolean): Promise<void> {
  for (let collision = 0; collision < MAX_COLLISIONS; collision += 1) {
    const from = await batch.readState();
    const to = { ...from, is_paused, version: from.version + 1 };
    if ((await batch.commit({ state: { from, to } })) === 'committed') return;
  }
  throw new DomainError('busy', 'the schedule is being changed by others; try again');
}
