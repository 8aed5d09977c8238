/** The batch on memory stores: a bucket, rows, a fake clock, and a worker that runs when `work` is called. */

import type { ListedObject } from '../../core/batch-run/ports.ts';
import { begin, type RunnerDeps, type RunRequest, tick } from '../../core/batch-run/run.ts';
import { BatchReport } from '../../core/contracts/report.ts';
import type { ChunkRow, PoolRow } from '../../core/contracts/rows.ts';
import type { Transcript } from '../../core/contracts/transcript.ts';
import { emptyPool } from '../../core/fleet/rows.ts';
import { gpuDay } from '../../core/ledger/gpu-time.ts';
import type { Mail } from '../../core/notifications/ports.ts';
import { utcDay } from '../../core/time.ts';
import { containment } from './containment.ts';
import { memoryBatchStore, memoryLockStore, memoryNoticeStore, memoryRunFiles } from './memory-batch.ts';
import { memoryChunkStore, memoryLedger, memoryObjects, memoryQueue, memorySessionStore } from './memory-stores.ts';
import { chunkRow, chunkTranscript } from './rows.ts';

const PAGE = 7;
export const START = Date.parse('2026-03-05T14:00:20Z');

export function batchWorld() {
  const contained = containment();
  const { failures } = contained;
  const clock = { ms: START };
  const stored = new Map<string, ListedObject>();
  const [sessions, chunks, queue, files] = [memorySessionStore(), memoryChunkStore(), memoryQueue(), memoryRunFiles()];
  const [locks, batch, ledger] = [memoryLockStore(), memoryBatchStore(), memoryLedger()];
  const objects = memoryObjects();
  const notified: string[] = [];
  const published: Record<string, number>[] = [];
  const assembled: string[] = [];
  const mails: ({ to: string } & Mail)[] = [];
  const notices = memoryNoticeStore();
  const pool: { row: PoolRow } = { row: emptyPool() };
  const counts = { wakes: 0, pages: 0 };
  /** The stored transcript of every session. */
  const transcript: Pick<Transcript, 'text' | 'gaps' | 'duration_seconds'> = { text: 'secret', gaps: [], duration_seconds: 150 };

  function store(key: string, etag: string, sizeBytes = 1000): void {
    const object = { key, etag, sizeBytes, modifiedAtMs: clock.ms };
    stored.set(key, object);
    objects.put(object);
  }
  const folderOf = ({ user_id, session_id }: ChunkRow): string => `users/${user_id}/sessions/${session_id}/`;
  const padded = (n: number): string => String(n).padStart(3, '0');
  const publish = (row: ChunkRow): void =>
    store(`${folderOf(row)}transcription-chunk-${padded(row.chunk_number)}.json`, `r${row.fence}`);

  const deps: RunnerDeps = {
    sessions,
    chunks,
    objects,
    queue,
    files,
    locks,
    batch,
    ledger,
    notices,
    mailer: {
      addressOf: async (userId) => (userId === 'user-a' ? 'a@example.com' : undefined),
      send: async (to, mail) => void mails.push({ to, ...mail }),
    },
    readTranscript: async () => JSON.stringify(transcript),
    usdPerHour: 0.526,
    bucket: {
      users: async () => [...new Set([...stored.keys()].map((key) => key.split('/')[1] ?? ''))],
      async *objectsOf(userId, after = '') {
        const mine = [...stored.values()]
          .filter(({ key }) => key.startsWith(`users/${userId}/`) && key > after)
          .sort((a, b) => (a.key < b.key ? -1 : 1));
        for (let from = 0; from < mine.length; from += PAGE) {
          counts.pages += 1;
          yield mine.slice(from, from + PAGE);
        }
      },
    },
    canonical: {
      async readCanonical(row) {
        const found = stored.get(`${folderOf(row)}transcription-chunk-${padded(row.chunk_number)}.json`);
        return found === undefined || found.etag === 'garbage' || found.sizeBytes === 0
          ? undefined
          : chunkTranscript(row.chunk_number);
      },
    },
    readPool: async () => pool.row,
    wake: async () => void counts.wakes++,
    assemble: async (sessionId) => void assembled.push(sessionId),
    notifyEnd: async (run) => void notified.push(run.id),
    publish: async (values) => void published.push(values as Record<string, number>),
    maxBlockedHours: 6,
    nowMs: () => clock.ms,
  };

  /** Adds an uploaded chunk with its row. A `done` chunk also gets its result and its canonical file. */
  function add(session: string, n: number, more: Partial<ChunkRow> = {}): ChunkRow {
    const user = more.user_id ?? 'user-a';
    const key = `users/${user}/sessions/${session}/chunk-${padded(n)}.webm`;
    const row = chunkRow(n, {
      session_id: session,
      user_id: user,
      object_key: key,
      lane: 'backlog',
      uploaded_at_ms: clock.ms,
      ...more,
    });
    store(key, row.etag);
    if (row.state === 'done') {
      const { pending_shard: _none, ...rest } = row;
      const done = { ...rest, fence: 1, transcribed_at_ms: clock.ms, result_key: 'r', ...more };
      chunks.put(done);
      store(`${folderOf(done)}results/${padded(n)}.1.json`, 'r1');
      publish(done);
      return done;
    }
    chunks.put(row);
    return row;
  }

  /** The worker processes pending chunks that have a message. Chunks for which `fails` returns true fail permanently. */
  async function work(fails: (row: ChunkRow) => boolean = () => false): Promise<void> {
    for (const waiting of await chunks.listAllPending()) {
      const { pending_shard: _none, ...row } = waiting;
      if (!queue.sent.some((line) => line.endsWith(` ${row.session_id} ${row.chunk_number}`))) continue;
      if (fails(row)) chunks.put({ ...row, state: 'dead', attempts: 3, error_message: 'the model failed on this chunk' });
      else {
        const done = {
          ...row,
          state: 'done',
          fence: row.fence + 1,
          claimed_at_ms: clock.ms,
          transcribed_at_ms: clock.ms,
        } as const;
        chunks.put(done);
        store(`${folderOf(row)}results/${padded(row.chunk_number)}.${done.fence}.json`, `r${done.fence}`);
        publish(done);
      }
    }
  }

  /** A machine runs from now for this long, as the reaper records it. */
  async function machineRuns(seconds: number, stopped = true): Promise<void> {
    const at_ms = clock.ms;
    clock.ms += seconds * 1000;
    await ledger.putInterval({
      usage_id: `gpu#i-1#${at_ms}`,
      day: gpuDay(utcDay(at_ms)),
      at_ms,
      instance_id: 'i-1',
      instance_type: 'g4dn.xlarge',
      seen_at_ms: clock.ms,
      ...(stopped && { stopped_at_ms: clock.ms }),
    });
  }

  return {
    ...{
      deps,
      clock,
      stored,
      store,
      sessions,
      chunks,
      queue,
      files,
      locks,
      batch,
      published,
      notified,
      assembled,
      mails,
      notices,
      pool,
      counts,
      transcript,
    },
    add,
    work,
    machineRuns,
    pass(ms: number): void {
      clock.ms += ms;
    },
    begin: (request: Partial<RunRequest> = {}) => begin(deps, { trigger: 'schedule', dryRun: false, ...request }),
    failures,
    tick: () => tick(deps, contained),
  };
}

type World = ReturnType<typeof batchWorld>;

/** A whole run: it starts, a machine works (`fails`: chunks that fail), the run ends. */
export async function wholeRun(w: World, fails?: Parameters<World['work']>[0]) {
  const { id } = await w.begin();
  await w.tick();
  await w.machineRuns(40);
  await w.work(fails);
  await w.tick();
  return { run: await w.batch.readRun(id), report: BatchReport.parse(w.files.reports.get(id)) };
}
