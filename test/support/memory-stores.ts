/** Memory stores. The same contract suites run against these and against DynamoDB in the emulator. */

import { formerOf } from '../../core/chunk-cache/former.ts';
import type { ChunkObjects, ChunkStore, StoredObject, WorkQueue } from '../../core/chunk-cache/ports.ts';
import { pendingShard } from '../../core/chunk-cache/rows.ts';
import { parseChunkKey, sessionPrefix } from '../../core/contracts/keys.ts';
import type {
  ChunkRow,
  DaySumRow,
  GpuIntervalRow,
  InstanceRow,
  PoolRow,
  SessionRow,
  SettingsRow,
  UsageRow,
} from '../../core/contracts/rows.ts';
import type { ChunkTranscript, Transcript } from '../../core/contracts/transcript.ts';
import type { SettingsStore } from '../../core/corrections/ports.ts';
import { DomainError } from '../../core/errors.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';
import { emptyInstance, emptyPool } from '../../core/fleet/rows.ts';
import { gpuDay, sumMonth, usageDay } from '../../core/ledger/gpu-time.ts';
import type { LedgerStore } from '../../core/ledger/ports.ts';
import type { UsageCounter } from '../../core/quota/quota.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import type { ResultStore } from '../../core/transcripts/assemble.ts';
import type { JoinedPart, PartEnd } from '../../core/transcripts/joined-parts.ts';
import type { StoredEdits } from '../../core/transcripts/outcomes.ts';
import type { EditStore } from '../../core/transcripts/save-edits.ts';

/** Removes undefined attributes, as the DynamoDB document client does. */
export const defined = <Row extends object>(row: { [Name in keyof Row]: Row[Name] | undefined }): Row =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Row;

export function memorySessionStore(): SessionStore {
  const rows = new Map<string, SessionRow>();
  const change = (sessionId: string, more: { [Name in keyof SessionRow]?: SessionRow[Name] | undefined }): boolean => {
    const row = rows.get(sessionId);
    if (row === undefined || row.state === 'deleted') return false;
    rows.set(sessionId, defined({ ...row, ...more }));
    return true;
  };
  return {
    async create(row) {
      if (rows.has(row.session_id)) return false;
      rows.set(row.session_id, row);
      return true;
    },
    get: async (sessionId) => rows.get(sessionId),
    async listOf(userId, limit, cursor) {
      const mine = [...rows.values()]
        .filter((row) => row.user_id === userId && row.state !== 'deleted')
        .sort((a, b) => b.created_at_ms - a.created_at_ms);
      const from = cursor === undefined ? 0 : Number(cursor);
      if (!Number.isInteger(from)) throw new DomainError('malformed', 'the cursor is invalid');
      const items = mine.slice(from, from + limit);
      return { items, ...(from + limit < mine.length && { cursor: String(from + limit) }) };
    },
    async complete(sessionId, chunkCount, nowMs) {
      const done = rows.get(sessionId)?.completed_at_ms ?? nowMs;
      return change(sessionId, {
        state: 'completed',
        chunk_count: chunkCount,
        completed_at_ms: done,
        due_shard: undefined,
        due_at_ms: undefined,
        abandoned: undefined,
      });
    },
    async resume({ session_id, resumptions = 0, retranscription }, { by, dueAtMs }) {
      const row = rows.get(session_id);
      if (row?.state !== 'completed' || (row.resumptions ?? 0) !== resumptions) return false;
      if (row.retranscription?.number !== retranscription?.number) return false;
      const none = { completed_at_ms: undefined, abandoned: undefined, transcript_status: undefined };
      const due = { due_shard: 'due', due_at_ms: dueAtMs } as const;
      const again = { state: 'recording', resumptions: resumptions + 1, resumed_by: by } as const;
      return change(session_id, { ...again, ...due, ...none, transcript_of: undefined, transcript_written_at_ms: undefined });
    },
    rename: async (sessionId, title) => change(sessionId, { title }),
    recordTranscript: async (sessionId, { status, madeOf, writtenAtMs, retranscription, resumptions = 0 }) =>
      rows.get(sessionId)?.state === 'completed' &&
      (rows.get(sessionId)?.resumptions ?? 0) === resumptions &&
      change(sessionId, {
        transcript_status: status,
        transcript_of: madeOf,
        transcript_written_at_ms: writtenAtMs,
        ...(retranscription !== undefined && { transcript_retranscription: retranscription }),
      }),
    noteTextChanged: async (sessionId) => change(sessionId, { text_revision: (rows.get(sessionId)?.text_revision ?? 0) + 1 }),
    settle: async (sessionId, was, settled) =>
      (rows.get(sessionId)?.settled_chunks ?? 0) === was && change(sessionId, { settled_chunks: settled }),
    async unsettle(sessionId, settled) {
      if ((rows.get(sessionId)?.settled_chunks ?? 0) > settled) change(sessionId, { settled_chunks: settled });
    },
    async noteEdits(sessionId, version) {
      if ((rows.get(sessionId)?.edits_version ?? 0) < version) change(sessionId, { edits_version: version });
    },
    async markDeleted({ session_id, user_id, live, created_at_ms }, nowMs, purgeAgainAtMs) {
      const due = { due_shard: 'due', due_at_ms: purgeAgainAtMs } as const;
      rows.set(session_id, { session_id, user_id, live, created_at_ms, state: 'deleted', deleted_at_ms: nowMs, ...due });
    },
    listDue: async (nowMs, limit) =>
      [...rows.values()]
        .filter((row) => row.due_shard !== undefined && (row.due_at_ms ?? 0) <= nowMs)
        .sort((a, b) => (a.due_at_ms ?? 0) - (b.due_at_ms ?? 0))
        .slice(0, limit),
    async setDue({ session_id, due_at_ms }, dueAtMs) {
      const row = rows.get(session_id);
      if (row === undefined || row.due_at_ms !== due_at_ms) return;
      rows.set(session_id, defined({ ...row, due_shard: dueAtMs === undefined ? undefined : 'due', due_at_ms: dueAtMs }));
    },
    async retranscribe({ session_id, retranscription }, { language, model, nowMs, dueAtMs }) {
      const row = rows.get(session_id);
      if (row?.state !== 'completed' || row.retranscription?.number !== retranscription?.number) return false;
      const again = { number: (retranscription?.number ?? 0) + 1, requested_at_ms: nowMs, is_queued: false };
      const due = { due_shard: 'due', due_at_ms: dueAtMs } as const;
      const cleared = { detected_language: undefined, settled_chunks: undefined };
      return change(session_id, { ...due, language, model, retranscription: again, ...cleared });
    },
    async noteRequeued({ session_id, retranscription: known }) {
      const now = rows.get(session_id)?.retranscription;
      if (now === undefined || now.number !== known?.number) return;
      change(session_id, { retranscription: { ...now, is_queued: true }, due_shard: undefined, due_at_ms: undefined });
    },
    async closeAbandoned({ session_id, due_at_ms }, chunkCount, nowMs) {
      const row = rows.get(session_id);
      if (row?.state !== 'recording' || row.due_at_ms !== due_at_ms) return false;
      const closed = { state: 'completed', chunk_count: chunkCount, completed_at_ms: nowMs, abandoned: true } as const;
      return change(session_id, { ...closed, due_shard: undefined, due_at_ms: undefined });
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
    listFrom: async (sessionId, from, to = Number.POSITIVE_INFINITY) =>
      [...rows.values()]
        .filter((row) => row.session_id === sessionId && row.chunk_number >= from && row.chunk_number <= to)
        .sort((a, b) => a.chunk_number - b.chunk_number),
    listSome: async (sessionId, from, count) =>
      [...rows.values()]
        .filter((row) => row.session_id === sessionId && row.chunk_number >= from)
        .sort((a, b) => a.chunk_number - b.chunk_number)
        .slice(0, count),
    hasWaiting: async (sessionId, from) =>
      [...rows.values()].some(
        ({ session_id, chunk_number, state }) =>
          session_id === sessionId && chunk_number >= from && (state === 'pending' || state === 'leased'),
      ),
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
    async revive(was, lane, nowMs) {
      const existing = rows.get(id(was.session_id, was.chunk_number));
      if (existing?.state !== 'dead' || existing.fence !== was.fence || existing.etag !== was.etag) return false;
      const { error_message: _error, dead_shard: _dead, deaths: _deaths, kills: _kills, ...rest } = existing;
      const pending_shard = pendingShard(was.session_id);
      put({ ...rest, state: 'pending', attempts: 0, pending_shard, lane, queued_at_ms: nowMs, next_attempt_at_ms: 0 });
      return true;
    },
    async reset(was, lane, nowMs) {
      const existing = rows.get(id(was.session_id, was.chunk_number));
      if (existing?.state !== 'done' || existing.fence !== was.fence || existing.etag !== was.etag) return false;
      const { result_key, content_key, raw_text, corrected_text, word_counts, ...rest } = existing;
      const { corrections_version, transcribed_at_ms, ...kept } = rest;
      const again = { state: 'pending', fence: was.fence + 1, attempts: 0, pending_shard: pendingShard(was.session_id) } as const;
      put({ ...kept, ...again, lane, queued_at_ms: nowMs, next_attempt_at_ms: 0 });
      return true;
    },
    async transcribeAgain(was, { number, language, model }, lane, nowMs) {
      const existing = rows.get(id(was.session_id, was.chunk_number));
      if (existing?.state !== was.state || existing.fence !== was.fence || existing.etag !== was.etag) return false;
      const { error_message: _error, dead_shard: _dead, deaths: _deaths, kills: _kills, progress: _progress, ...rest } = existing;
      const { corrections_version: _version, ...kept } = rest;
      const again = { language, model, former: formerOf(was), retranscription: number, attempts: 0 };
      const pending = { state: 'pending', pending_shard: pendingShard(was.session_id), next_attempt_at_ms: 0 } as const;
      put(defined({ ...kept, ...again, ...pending, lane, queued_at_ms: nowMs }));
      return true;
    },
    async index(row) {
      const existing = rows.get(id(row.session_id, row.chunk_number));
      if (existing?.state === 'pending' || existing?.state === 'leased')
        put({ ...existing, pending_shard: pendingShard(row.session_id) });
    },
    getMany: async (places) => places.flatMap(({ sessionId, chunkNumber }) => rows.get(id(sessionId, chunkNumber)) ?? []),
    async removeRows(gone) {
      for (const { session_id, chunk_number } of gone)
        if (rows.get(id(session_id, chunk_number))?.state !== 'done') rows.delete(id(session_id, chunk_number));
    },
    listAllPending: async () => [...rows.values()].filter((row) => row.pending_shard !== undefined),
    listDead: async (limit) =>
      [...rows.values()]
        .filter((row) => row.dead_shard !== undefined)
        .sort((a, b) => b.uploaded_at_ms - a.uploaded_at_ms)
        .slice(0, limit),
    async removeAll(sessionId) {
      for (const [key, row] of rows) if (row.session_id === sessionId) rows.delete(key);
    },
    async noteCorrected(was, { text, wordCounts, version }) {
      const existing = rows.get(id(was.session_id, was.chunk_number));
      if (existing?.state !== 'done' || existing.fence !== was.fence || existing.etag !== was.etag) return;
      put({ ...existing, corrected_text: text, word_counts: { ...wordCounts }, corrections_version: version });
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
    remove: async (key) => void objects.delete(key),
    async removeAll(place) {
      for (const key of objects.keys()) if (key.startsWith(sessionPrefix(place))) objects.delete(key);
    },
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
  return {
    sent,
    send: async (lane, sessionId, chunkNumber) => void sent.push(`${lane} ${sessionId} ${chunkNumber}`),
    async sendMany(lane, chunks) {
      for (const { sessionId, chunkNumber } of chunks) await this.send(lane, sessionId, chunkNumber);
    },
  };
}

export interface MemoryResults extends ResultStore, EditStore {
  readTranscript(session: SessionRow): Promise<string>;
  writeLive(session: SessionRow, json: string): Promise<void>;
  transcript?: Transcript;
  readonly parts: Map<number, { readonly part: JoinedPart; readonly end: PartEnd }>;
  /** By session. */
  readonly edits: Record<string, StoredEdits>;
  live?: string;
  writes: number;
  /** Keys of the results that were read individually, in order. */
  readonly reads: string[];
}

export function memoryResults(results: ReadonlyMap<string, ChunkTranscript>): MemoryResults {
  const store: MemoryResults = {
    writes: 0,
    reads: [],
    edits: {},
    async readResult(key) {
      store.reads.push(key);
      const found = results.get(key);
      if (found === undefined) throw new Error(`no result ${key}`);
      return found;
    },
    readTranscript: async () => JSON.stringify(store.transcript),
    parts: new Map(),
    readPart: async (_session, lastChunk) => store.parts.get(lastChunk)?.part,
    readPartEnd: async (_session, lastChunk) => store.parts.get(lastChunk)?.end,
    writePart: async (_session, lastChunk, part, end) => void store.parts.set(lastChunk, { part, end }),
    readEdits: async ({ session_id }) => store.edits[session_id],
    writeLive: async (_session, live) => void Object.assign(store, { live }),
    async writeEdits({ session_id }, edits, replaces) {
      if (store.edits[session_id]?.tag !== replaces) return false;
      store.edits[session_id] = { ...edits, tag: `tag-${edits.version}` };
      return true;
    },
    publishChunk: async () => undefined,
    removeTranscript: async () => void delete store.transcript,
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

export function memoryUsageCounter(): UsageCounter {
  const counts = new Map<string, number>();
  return {
    async count(window, _expiresAtMs, uses = 1) {
      counts.set(window, (counts.get(window) ?? 0) + uses);
      return counts.get(window) ?? 0;
    },
  };
}

export function memorySettingsStore(): SettingsStore {
  const rows = new Map<string, SettingsRow>();
  return {
    get: async (userId) => rows.get(userId),
    async put(row, overVersion) {
      if (rows.get(row.user_id)?.version !== overVersion) return false;
      rows.set(row.user_id, row);
      return true;
    },
    async noteApplied(userId, version) {
      const row = rows.get(userId);
      if (row?.version !== version) return;
      const { apply_cursor: _cursor, apply_slices: _slices, ...rest } = row;
      rows.set(userId, { ...rest, applied_version: version });
    },
    async noteReached(userId, version, cursor) {
      const row = rows.get(userId);
      if (row?.version !== version) return;
      rows.set(userId, defined({ ...row, apply_cursor: cursor ?? row.apply_cursor, apply_slices: (row.apply_slices ?? 0) + 1 }));
    },
  };
}

export function memoryLedger(): LedgerStore & { put(row: UsageRow): void } {
  const intervals = new Map<string, GpuIntervalRow>();
  const usages = new Map<string, UsageRow>();
  const sums = new Map<string, DaySumRow>();
  return {
    put: (row) => void usages.set(row.usage_id, row),
    interval: async (usageId) => intervals.get(usageId),
    putInterval: async (row) => void intervals.set(row.usage_id, row),
    intervalsOf: async (day) => [...intervals.values()].filter((row) => row.day === gpuDay(day)),
    sumsOf: async (month) => [...sums.values()].filter((row) => row.day === sumMonth(month)),
    putSum: async (row) => void sums.set(row.usage_id, row),
    newestUsageOf: async (day) =>
      [...usages.values()].filter((row) => row.day === usageDay(day)).sort((a, b) => b.at_ms - a.at_ms)[0],
    usagesOf: async (day) => [...usages.values()].filter((row) => row.day === usageDay(day)),
  };
}
