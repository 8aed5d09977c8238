import * as z from 'zod';
import { isRecording, type LockDeps, lock, lockStatus, unlock, unlockAny, viewLock } from '../../core/batch-lock/lock.ts';
import type { NoticeStore } from '../../core/batch-run/mail.ts';
import type { BatchStore, RunFiles } from '../../core/batch-run/ports.ts';
import { begin, viewRun } from '../../core/batch-run/run.ts';
import { setPaused } from '../../core/batch-run/schedule.ts';
import type { RunRow } from '../../core/contracts/batch.ts';
import {
  BeginBatch,
  ChangeNotifications,
  ListRunsQuery,
  LockSession,
  SetSchedule,
  UnlockSession,
} from '../../core/contracts/http.ts';
import { DomainError } from '../../core/errors.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import type { Caller } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { HOUR_MS } from '../../core/time.ts';
import { adminOnly, bodyRoute, endpoints, json, queryRoute } from '../runtime/endpoint.ts';
import { logger } from '../runtime/logger.ts';
import { type Page, pageOf } from '../runtime/page.ts';

export interface BatchApiDeps extends LockDeps {
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly batch: BatchStore;
  readonly files: Pick<RunFiles, 'readPending' | 'readReport'>;
  readonly usage: UsageCounter;
  readonly notices: NoticeStore;
  /** Whether the stage sends mail. */
  readonly canMail: boolean;
  readonly maxBlockedHours: number;
  /** Invokes the BatchRunner now. If this fails, its schedule starts the run within a minute. */
  readonly kick: () => Promise<void>;
}

const NOTHING = z.object({});

/** Refuses to lock another user's, a deleted or a completed session. Unknown sessions pass: older recorders do not create them. */
async function checkMayLock({ sessions }: BatchApiDeps, caller: Caller, sessionId: string): Promise<void> {
  const session = await sessions.get(sessionId);
  if (session === undefined) return;
  if (session.user_id !== caller.userId) throw new DomainError('forbidden', 'this session belongs to another user');
  if (session.state === 'deleted') throw new DomainError('deleted', 'this session was deleted');
  if (session.state === 'completed') throw new DomainError('not-recording', 'the recording of this session has stopped');
}

/** Refuses a manual run while a recording holds the lock, unless recordings have blocked the batch for `maxBlockedHours`. */
async function checkMayRun({ locks, maxBlockedHours, nowMs }: BatchApiDeps): Promise<void> {
  const gate = await locks.readGate();
  const blockedMs = nowMs() - (gate.blocked_since_ms ?? nowMs());
  if (isRecording(gate, nowMs()) && blockedMs < maxBlockedHours * HOUR_MS)
    throw new DomainError('session-active', 'a recording holds the lock; try again when it has ended, or start a dry run', {
      expiresAt: new Date(gate.live_until_ms).toISOString(),
    });
}

/** Recording locks, missing chunks and email settings; for admins also batch runs, their reports and the schedule. */
export const buildHandler = (deps: BatchApiDeps, clientId: string) =>
  endpoints(
    {
      'POST /api/batch/lock': bodyRoute(LockSession, async ({ input, caller }) => {
        await checkMayLock(deps, caller, input.sessionId);
        const lease = await lock(deps, { userId: caller.userId, sessionId: input.sessionId });
        // A renewal that was in flight when Stop released the lock must not restore it.
        await checkMayLock(deps, caller, input.sessionId).catch(async (error: unknown) => {
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
        if (!input.dryRun) await checkMayRun(deps);
        const run = await begin(deps, { trigger: 'manual', dryRun: input.dryRun });
        await deps
          .kick()
          .catch((error: unknown) => logger.warn('the runner could not be invoked; its schedule starts the run', error as Error));
        return json(202, viewRun(run));
      }),

      'GET /api/batch/runs': queryRoute(ListRunsQuery, async ({ input, caller }) => {
        adminOnly(caller);
        const { items, next } = pageOf(await deps.batch.listRuns(input.limit + 1, input.cursor), input.limit);
        return json(200, { runs: items.map(viewRun), paused: (await deps.batch.readState()).is_paused, cursor: next?.id });
      }),

      'GET /api/batch/runs/{id}': queryRoute(NOTHING, async ({ caller, id }) => {
        adminOnly(caller);
        const run = RUN_NAME.test(id) ? await deps.batch.readRun(id) : undefined;
        if (run === undefined) throw new DomainError('not-found', 'there is no such run');
        return json(200, { ...viewRun(run), report: await deps.files.readReport(id) });
      }),

      'GET /api/batch/pending': queryRoute(NOTHING, async ({ caller }) => {
        const found = await deps.files.readPending();
        if (found === undefined) return json(200, { sessionsScanned: 0, totalMissingChunks: 0, pending: [] });
        const pending = found.pending.filter(({ userId }) => caller.isAdmin || userId === caller.userId);
        // Totals include other users' chunks, so only admins see them.
        return json(200, caller.isAdmin ? found : { scannedAt: found.scannedAt, totalMissingChunks: pending.length, pending });
      }),

      'GET /api/batch/reports': queryRoute(ListRunsQuery, async ({ input, caller }) => {
        adminOnly(caller);
        const { items, next } = await runsWithReport(deps.batch, input.limit, input.cursor);
        const reports = items.map((run) => ({
          name: run.id,
          timestamp: new Date(run.started_at_ms).toISOString(),
          status: run.status,
          totalMissingChunks: run.scan?.missing ?? 0,
        }));
        return json(200, { reports, cursor: next?.id });
      }),

      'GET /api/batch/reports/{id}': queryRoute(NOTHING, async ({ caller, id }) => {
        adminOnly(caller);
        const report = await readReport(deps, id);
        if (report === undefined) throw new DomainError('not-found', 'there is no such report');
        return json(200, report);
      }),

      'GET /api/notifications': queryRoute(NOTHING, async ({ caller }) =>
        json(200, await deps.notices.mailSettings(caller.userId)),
      ),

      'PUT /api/notifications': bodyRoute(ChangeNotifications, async ({ input, caller }) => {
        const preferences = { ...(await deps.notices.mailSettings(caller.userId)), ...input };
        const wantsMail = preferences.sessionCompleted || preferences.fileCompleted;
        if (wantsMail && !deps.canMail) throw new DomainError('invalid', 'this stage sends no emails');
        await deps.notices.setMailSettings(caller.userId, preferences);
        return json(200, preferences);
      }),

      'PUT /api/batch/schedule': bodyRoute(SetSchedule, async ({ input, caller }) => {
        adminOnly(caller);
        await setPaused(deps.batch, !input.enabled);
        return json(200, { enabled: input.enabled });
      }),
    },
    clientId,
    deps,
  );

/** Runs per query, and queries per call, when looking for runs with a report. */
const [RUNS_PER_QUERY, MAX_QUERIES] = [200, 10];

/** A page of the runs that have a report. Dry runs and unfinished runs are skipped. */
async function runsWithReport(batch: BatchStore, limit: number, before: string | undefined): Promise<Page<RunRow>> {
  const found: RunRow[] = [];
  let last: RunRow | undefined;
  for (let queries = 0; queries < MAX_QUERIES; queries++) {
    const runs = await batch.listRuns(RUNS_PER_QUERY, last?.id ?? before);
    found.push(...runs.filter((run) => run.state === 'finished' && !run.dry_run));
    if (found.length > limit || runs.length < RUNS_PER_QUERY) return pageOf(found, limit);
    last = runs.at(-1);
  }
  return { items: found, next: last };
}

const RUN_NAME = /^batch-\d{4}-\d{2}-\d{2}-\d{4}(?:-\d+)?$/;
const readReport = async ({ files }: BatchApiDeps, name: string) => {
  const runId = name.replace(/\.json$/, '');
  return RUN_NAME.test(runId) ? files.readReport(runId) : undefined;
};
