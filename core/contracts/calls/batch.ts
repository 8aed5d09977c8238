/** The batch, and the locks of recordings that delay it. */
import * as answers from '../answers.ts';
import * as http from '../http.ts';
import { BatchReport } from '../report.ts';
import type { ApiCalls } from './call.ts';

export const batchCalls = {
  'POST /api/batch/lock': {
    operationId: 'lockBatch',
    access: 'owner-alone',
    summary: 'Lock the batch for a recording, or renew the lock',
    body: http.LockSession,
    answers: { 200: answers.Locked },
    errors: ['forbidden', 'deleted', 'not-recording', 'lock-expired', 'busy'],
  },
  'POST /api/batch/unlock': {
    operationId: 'unlockBatch',
    access: 'own',
    summary: "Release the caller's own lock of a session, or all of them",
    body: http.UnlockSession,
    answers: { 200: answers.Unlocked },
    errors: ['busy'],
  },
  'GET /api/batch/lock-status': {
    operationId: 'getLockStatus',
    access: 'own',
    summary: 'Check whether a recording holds the lock; only its owner and admins see which one',
    answers: { 200: answers.LockStatus },
  },
  'DELETE /api/batch/locks/{id}': {
    operationId: 'releaseLock',
    access: 'admin',
    summary: 'Release the lock of any session (admin)',
    answers: { 204: null },
    errors: ['forbidden', 'not-found', 'busy'],
  },
  'POST /api/batch/runs': {
    operationId: 'beginBatchRun',
    access: 'admin',
    summary: 'Start a batch run, or get the active one (admin)',
    body: http.BeginBatch,
    answers: { 202: answers.BatchRun },
    errors: ['forbidden', 'session-active', 'busy'],
  },
  'GET /api/batch/runs': {
    operationId: 'listBatchRuns',
    access: 'admin',
    summary: 'List batch runs, newest first (admin)',
    query: http.ListRunsQuery,
    answers: { 200: answers.BatchRuns },
    errors: ['forbidden'],
  },
  'GET /api/batch/runs/{id}': {
    operationId: 'getBatchRun',
    access: 'admin',
    summary: 'Get a batch run with its report (admin)',
    answers: { 200: answers.BatchRunDetails },
    errors: ['forbidden', 'not-found'],
  },
  'GET /api/batch/pending': {
    operationId: 'getPending',
    access: 'own',
    summary: "List the missing chunks that the newest scan found: the caller's own, or all of them for admins",
    answers: { 200: answers.Pending },
  },
  'GET /api/batch/reports': {
    operationId: 'listReports',
    access: 'admin',
    summary: 'List batch reports, newest first (admin)',
    query: http.ListRunsQuery,
    answers: { 200: answers.Reports },
    errors: ['forbidden'],
  },
  'GET /api/batch/reports/{id}': {
    operationId: 'getReport',
    access: 'admin',
    summary: 'Get a batch report (admin)',
    answers: { 200: BatchReport },
    errors: ['forbidden', 'not-found'],
  },
  'PUT /api/batch/schedule': {
    operationId: 'setSchedule',
    access: 'admin',
    summary: 'Pause or resume the schedule of the batch (admin)',
    body: http.SetSchedule,
    answers: { 200: answers.ScheduleSet },
    errors: ['forbidden', 'busy'],
  },
} satisfies ApiCalls;
