/** The stores in memory: the same contract suites run against these and against DynamoDB in the emulator. */
import type { ChunkObjects, ChunkStore, StoredObject, WorkQueue } from '../../core/chunk-cache/ports.ts';
import { parseChunkKey } from '../../core/contracts/keys.ts';
import type { ChunkRow, GpuIntervalRow, InstanceRow, PoolRow, SessionRow, UsageRow } from '../../core/contracts/rows.ts';
import type { ChunkTranscript, Transcript } from '../../core/contracts/transcript.ts';
import { DomainError } from '../../core/errors.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';
import { emptyInstance, emptyPool } from '../../core/fleet/rows.ts';
import { gpuDay, usageDay } from '../../core/ledger/gpu-time.ts';
import type { LedgerStore } from '../../core/ledger/ports.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import type { ResultStore } from '../../core/transcripts/assemble.ts';

export function memorySessionStore(): SessionStore {
  const rows = new Map<string, SessionRow>();
  const change = (sessionId: string, more: Partial<SessionRow>): void => {
    const row = rows.get(sessionId);
    if (row === undefined) throw new Error('no such session');
    rows.set(sessionId, { ...row, ...more });
  };
  return {
    async create(row) {
      if (rows.has(row.session_id)) return false;
      rows.set(row.session_id, row);
      return true;
    },
    get: async (sessionId) => rows.get(sessionId),
    async listOf(userId, limit, cursor) {
      const mine = [...rows.values()].filter((row) => row.user_id === userId).sort((a, b) => b.created_at_ms - a.created_at_ms);
      const from = cursor === undefined ? 0 : Number(cursor);
      if (!Number.isInteger(from)) throw new DomainError('malformed', 'the cursor is not one of ours');
      const items = mine.slice(from, from + limit);
      return { items, ...(from + limit < mine.length && { cursor: String(from + limit) }) };
    },
    async complete(sessionId, chunkCount, nowMs) {
      const done = rows.get(sessionId)?.completed_at_ms ?? nowMs;
      change(sessionId, { state: 'completed', chunk_count: chunkCount, completed_at_ms: done });
    },
    async recordTranscript(sessionId, { status, madeOf, writtenAtMs }) {
      change(sessionId, { transcript_status: status, transcript_of: madeOf, transcript_written_at_ms: writtenAtMs });
    },
  };
}

export function memoryChunkStore(): ChunkStore & { put(row: ChunkRow): void } {
  const rows = new Map<string, ChunkRow>();
  const id = (sessionId: string, chunkNumber: number): string => `${sessionId}#${chunkNumber}`;
  const put = (row: ChunkRow): void => void rows.set(id(row.session_id, row.chunk_number), row);
  return {
    put,
    get: async (sessionId, chunkNumber) => rows.get(id(sessionId, chunkNumber)),
    listOf: async (sessionId) =>
      [...rows.values()].filter((row) => row.session_id === sessionId).sort((a, b) => a.chunk_number - b.chunk_number),
    async insert(row) {
      const existing = rows.get(id(row.session_id, row.chunk_number));
      if (existing !== undefined) return { kind: 'exists', row: existing };
      put(row);
      return { kind: 'inserted' };
    },
    async replace(was, row) {
      const existing = rows.get(id(row.session_id, row.chunk_number));
      if (existing?.fence !== was.fence || existing.etag !== was.etag) return false;
      put(row);
      return true;
    },
    async allowReplacement(sessionId, chunkNumber) {
      const row = rows.get(id(sessionId, chunkNumber));
      if (row !== undefined) put({ ...row, replace_allowed: true });
    },
    async noteQueued(row, lane, nowMs) {
      const existing = rows.get(id(row.session_id, row.chunk_number));
      if (existing?.state === 'pending') put({ ...existing, lane, queued_at_ms: nowMs });
    },
    listPending: async (limit) =>
      [...rows.values()]
        .filter((row) => row.pending_shard !== undefined)
        .sort((a, b) => a.uploaded_at_ms - b.uploaded_at_ms)
        .slice(0, limit),
  };
}

export function memoryFleetStore(first: PoolRow = emptyPool(), rows: readonly InstanceRow[] = []): FleetStore {
  let pool = first;
  const instances = new Map(rows.map((row) => [row.id, row]));
  const instanceOf = (id: string): InstanceRow => instances.get(id) ?? emptyInstance(id);
  return {
    readPool: async () => pool,
    readInstance: async (id) => instanceOf(id),
    async raiseWanted() {
      pool = { ...pool, wanted_seq: pool.wanted_seq + 1, version: pool.version + 1 };
      return pool;
    },
    async commit(change) {
      if (change.pool !== undefined && change.pool.from.version !== pool.version) return 'conflict';
      const changed = change.instances ?? [];
      if (changed.some(({ from }) => from.version !== instanceOf(from.id).version)) return 'conflict';
      if (change.pool !== undefined) pool = change.pool.to;
      for (const { to } of changed) instances.set(to.id, to);
      return 'committed';
    },
  };
}

export function memoryObjects(): ChunkObjects & { put(object: StoredObject): void } {
  const objects = new Map<string, StoredObject>();
  return {
    put: (object) => void objects.set(object.key, object),
    head: async (key) => objects.get(key),
    listChunks: async ({ userId, sessionId }) =>
      [...objects.values()].flatMap((object) => {
        const place = parseChunkKey(object.key);
        return place !== undefined && place.userId === userId && place.sessionId === sessionId ? [{ place, object }] : [];
      }),
  };
}

export function memoryQueue(): WorkQueue & { readonly sent: string[] } {
  const sent: string[] = [];
  return { sent, send: async (lane, sessionId, chunkNumber) => void sent.push(`${lane} ${sessionId} ${chunkNumber}`) };
}

export function memoryResults(
  results: ReadonlyMap<string, ChunkTranscript>,
): ResultStore & { transcript?: Transcript; writes: number } {
  const store: ResultStore & { transcript?: Transcript; writes: number } = {
    writes: 0,
    async readResult(key) {
      const found = results.get(key);
      if (found === undefined) throw new Error(`no result ${key}`);
      return found;
    },
    publishChunk: async () => undefined,
    transcriptVersion: async () => (store.writes === 0 ? undefined : String(store.writes)),
    async writeTranscript(_session, transcript, replaces) {
      if (replaces !== (store.writes === 0 ? undefined : String(store.writes))) return false;
      store.transcript = transcript;
      store.writes += 1;
      return true;
    },
  };
  return store;
}

export function memoryLedger(): LedgerStore & { put(row: UsageRow): void } {
  const intervals = new Map<string, GpuIntervalRow>();
  const usages = new Map<string, UsageRow>();
  return {
    put: (row) => void usages.set(row.usage_id, row),
    interval: async (usageId) => intervals.get(usageId),
    putInterval: async (row) => void intervals.set(row.usage_id, row),
    intervalsOf: async (day) => [...intervals.values()].filter((row) => row.day === gpuDay(day)),
    usagesOf: async (day) => [...usages.values()].filter((row) => row.day === usageDay(day)),
  };
}
