/** Memory stores of the batch. The contract suites run against these and against DynamoDB in the emulator. */
import type { LockStore } from '../../core/batch-lock/ports.ts';
import type { BatchStore, RunFiles } from '../../core/batch-run/ports.ts';
import { emptyGate, emptyState } from '../../core/batch-run/rows.ts';
import type { LeaseRow, RunRow } from '../../core/contracts/batch.ts';
import type { BatchReport, ListedChunk, PendingJobs } from '../../core/contracts/report.ts';
import type { MailSettings, NoticeStore } from '../../core/notifications/ports.ts';
import { defined } from './memory-stores.ts';

export function memoryLockStore(): LockStore & { readonly rows: Map<string, LeaseRow> } {
  const rows = new Map<string, LeaseRow>();
  let gate = emptyGate();
  return {
    rows,
    readGate: async () => gate,
    lease: async (sessionId) => rows.get(sessionId),
    leases: async () => [...rows.values()],
    async commit(change) {
      if (change.gate.from.epoch !== gate.epoch) return 'conflict';
      gate = defined(change.gate.to);
      if (change.put !== undefined) rows.set(change.put.id, change.put);
      for (const { id } of change.remove ?? []) rows.delete(id);
      return 'committed';
    },
  };
}

export function memoryBatchStore(): BatchStore {
  const runs = new Map<string, RunRow>();
  let state = emptyState();
  return {
    readState: async () => state,
    readRun: async (runId) => runs.get(runId),
    listRuns: async (limit, before) =>
      [...runs.values()]
        .filter(({ id }) => before === undefined || id < before)
        .sort((a, b) => b.id.localeCompare(a.id))
        .slice(0, limit),
    async commit(change) {
      if (change.state !== undefined && change.state.from.version !== state.version) return 'conflict';
      if (change.run !== undefined && runs.get(change.run.to.id)?.version !== change.run.from?.version) return 'conflict';
      if (change.state !== undefined) state = change.state.to;
      if (change.run !== undefined) runs.set(change.run.to.id, defined(change.run.to));
      return 'committed';
    },
  };
}

export function memoryNoticeStore(): NoticeStore {
  const settingsOf = new Map<string, MailSettings>();
  const claimed = new Set<string>();
  return {
    mailSettings: async (userId) => settingsOf.get(userId) ?? { sessionCompleted: false, fileCompleted: false },
    setMailSettings: async (userId, settings) => void settingsOf.set(userId, settings),
    claim: async (noticeId) => !claimed.has(noticeId) && claimed.add(noticeId).has(noticeId),
  };
}

export function memoryRunFiles(): RunFiles & { readonly reports: Map<string, BatchReport> } {
  const chunks = new Map<string, readonly ListedChunk[]>();
  const reports = new Map<string, BatchReport>();
  let pending: PendingJobs | undefined;
  return {
    reports,
    writeChunks: async (runId, list) => void chunks.set(runId, list),
    readChunks: async (runId) => chunks.get(runId) ?? [],
    async writePending(jobs) {
      pending = jobs;
    },
    readPending: async () => pending,
    writeReport: async (runId, report) => void reports.set(runId, report),
    readReport: async (runId) => reports.get(runId),
  };
}
