/** Checks design invariants 1 to 7 and 9 to 12 while the system is at rest. Comments give their numbers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { expect } from 'vitest';
import * as z from 'zod';
import { JobRow } from '../../core/contracts/jobs.ts';
import { parseChunkKey, transcriptKey } from '../../core/contracts/keys.ts';
import { ChunkRow, GpuIntervalRow, SessionRow, UsageRow } from '../../core/contracts/rows.ts';
import { FileTranscript, Transcript } from '../../core/contracts/transcript.ts';
import { DeliveryRow } from '../../core/contracts/webhooks.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';
import { db, host, invoke, keysBelow, output, readObject } from './support.ts';

async function scan(table: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await db.send(new ScanCommand({ TableName: output(table), ConsistentRead: true, ExclusiveStartKey: from }));
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return items;
}

/** Whether the row belongs to a real user; the store suites write rows of made-up users. */
const isReal = ({ user_id }: { readonly user_id: string }): boolean => /^[0-9a-f-]{36}$/.test(user_id);

const idOf = (row: { session_id: string; chunk_number: number }): string => `${row.session_id}#${row.chunk_number}`;

/** `moved_to` of jobs from `chunkscribe import`. */
const IMPORTED = 'imported';

/** 3, 7: every uploaded chunk has a row, which is finished (or stored backlog), within its attempts, and has a reason if dead. */
function checkChunks(rows: readonly ChunkRow[], sessions: ReadonlyMap<string, SessionRow>, keys: readonly string[]): void {
  const byKey = new Set(rows.map((row) => row.object_key));
  for (const key of keys) {
    const place = parseChunkKey(key);
    if (place !== undefined && sessions.get(place.sessionId)?.user_id === place.userId) expect(byKey, key).toContain(key);
  }
  for (const row of rows) {
    const id = idOf(row);
    expect(row.attempts, id).toBeLessThanOrEqual(3);
    expect(row.deaths ?? 0, id).toBeLessThanOrEqual(2);
    const isStored = row.lane === 'backlog' && row.state === 'pending';
    expect(row.state === 'done' || row.state === 'dead' || isStored, `${id} is ${row.state}`).toBe(true);
    expect(row.state === 'dead' ? (row.error_message ?? '') : 'has none', id).not.toBe('');
    expect(row.pending_shard === undefined, id).toBe(!isStored);
  }
}

/** 4, 6, 9: each done chunk has its result under its owner's keys, and one usage row for each transcription. */
function checkUsage(rows: readonly ChunkRow[], usages: readonly UsageRow[], deleted: ReadonlySet<string>): void {
  const used = new Map(usages.map((usage) => [usage.usage_id, usage]));
  const replaced = new Set(replacedChunks());
  for (const row of rows.filter(({ state }) => state === 'done')) {
    const id = idOf(row);
    expect(used.get(`${id}#${row.fence}`), `${id} is in the ledger`).toMatchObject({
      user_id: row.user_id,
      audio_seconds: used.get(`${id}#${row.fence}`)?.reused ? 0 : row.duration_seconds,
    });
    expect(
      usages.filter((usage) => idOf(usage) === id),
      id,
    ).toHaveLength(replaced.has(id) ? 2 : 1);
    expect(row.object_key, id).toMatch(new RegExp(`^users/${row.user_id}/.*${row.session_id}/`));
    expect(row.result_key, id).toMatch(
      new RegExp(`^${row.object_key.replace(/(\/results)?\/[^/]*$/, '')}/results/.*[.]${row.fence}[.]json$`),
    );
  }
  for (const usage of usages)
    expect(deleted.has(usage.session_id) || rows.some((row) => idOf(row) === idOf(usage)), usage.usage_id).toBe(true);
}

/** 6: each launch of a machine has one finished interval, and intervals do not overlap. */
function checkGpuTime(intervals: readonly GpuIntervalRow[]): void {
  for (const row of intervals) {
    expect(row.stopped_at_ms, `${row.usage_id} has an end`).toBeGreaterThanOrEqual(row.at_ms);
    const others = intervals.filter((other) => other.instance_id === row.instance_id && other.usage_id !== row.usage_id);
    // EC2 reports times in whole seconds.
    const overlap = others.find((other) => other.at_ms > row.at_ms && other.at_ms + 1000 < (row.stopped_at_ms ?? 0));
    expect(overlap, row.usage_id).toBeUndefined();
  }
}

/** Words that may differ per boundary: in the rows they may be cut or duplicated, in the transcript they are whole. */
const WORDS_AT_BOUNDARY = 3;
export function expectTextOf(text: string, parts: readonly string[], id: string): void {
  const words = parts.flatMap(wordsOf);
  const differing = wordErrorRate(words, wordsOf(text)) * Math.max(1, words.length);
  expect(differing, `${id}: ${text}\n${parts.join(' | ')}`).toBeLessThan(WORDS_AT_BOUNDARY * Math.max(0, parts.length - 1) + 0.5);
}

/** 10: a transcript contains its chunks' texts once and in order, and lists missing chunks. */
async function checkTranscripts(sessions: Iterable<SessionRow>, rows: readonly ChunkRow[]): Promise<void> {
  for (const session of sessions) {
    if (session.transcript_status === undefined) continue;
    const place = { userId: session.user_id, sessionId: session.session_id };
    const transcript = Transcript.parse(JSON.parse(await readObject(transcriptKey(place))));
    const mine = rows.filter((row) => row.session_id === session.session_id).sort((a, b) => a.chunk_number - b.chunk_number);
    const texts = mine.flatMap((row) =>
      row.result_key !== undefined && row.raw_text ? [row.corrected_text ?? row.raw_text] : [],
    );
    // Overlapping chunks share words; test/host/sessions.test.ts compares their transcript with the reference.
    if (mine.every((row) => row.overlap_ms === undefined)) expectTextOf(transcript.text, texts, session.session_id);
    const done = new Set(mine.filter((row) => row.result_key !== undefined).map((row) => row.chunk_number));
    const missing = transcript.chunks.map(({ chunkNumber }) => chunkNumber).filter((n) => !done.has(n));
    expect(
      transcript.gaps.map(({ chunkNumber }) => chunkNumber),
      session.session_id,
    ).toEqual(missing);
    expect(transcript.status, session.session_id).toBe(missing.length > 0 ? 'partial' : 'completed');
  }
}

/** 3, 7, 10, 12 for files: every job has ended with the text of its parts or an error; deleted or cancelled jobs leave nothing. */
async function checkJobs(jobs: readonly JobRow[], rows: readonly ChunkRow[], keys: readonly string[]): Promise<void> {
  for (const job of jobs) {
    const id = job.job_id;
    const prefix = `users/${job.user_id}/files/${id}/`;
    const parts = rows.filter((row) => row.session_id === id && row.chunk_number > 0);
    const there = keys.filter((key) => key.includes(`/${id}/`));
    expect(
      there.filter((key) => !key.startsWith(prefix)),
      `9: ${id}`,
    ).toEqual([]);
    if (job.status === 'cancelled' || job.status === 'deleted') {
      expect([there, parts], `12: ${id} is ${job.status}`).toEqual([[], []]);
      continue;
    }
    if (job.status === 'pending' && job.uploaded_at_ms === undefined) continue;
    expect(['completed', 'failed'], `${id} is ${job.status}`).toContain(job.status);
    expect(job.open_of, id).toBeUndefined();
    if (job.status === 'failed') expect(job.error ?? '', id).not.toBe('');
    else if (job.moved_to === IMPORTED)
      expect(there, id).toEqual([`${prefix}transcription.json`]); // imported jobs have no audio
    else {
      const kept = there.filter((key) => key !== `${prefix}edits.json`); // there only if speakers were named
      expect(kept.sort(), id).toEqual([job.object_key, `${prefix}transcription.json`].sort());
      await checkText(job, parts, `${prefix}transcription.json`);
    }
  }
}

/** Overlapping parts share words, so their texts are not compared. */
async function checkText(job: JobRow, parts: readonly ChunkRow[], key: string): Promise<void> {
  const { text } = FileTranscript.parse(JSON.parse(await readObject(key)));
  if (job.same_as !== undefined || parts.some(({ overlap_ms }) => overlap_ms)) return;
  const texts = parts.toSorted((a, b) => a.chunk_number - b.chunk_number).map((row) => row.raw_text ?? '');
  expectTextOf(
    text,
    texts.filter((part) => part !== ''),
    job.job_id,
  );
}

const Told = z.object({ type: z.string(), data: z.object({ id: z.string(), status: z.string() }) });

/** 11: each event has one message id for all receivers; an undelivered message is due later or listed as failed. */
function checkDeliveries(deliveries: readonly DeliveryRow[]): void {
  const ids = new Map<string, string>();
  for (const row of deliveries) {
    const { type, data } = Told.parse(JSON.parse(row.body));
    const end = `${row.user_id} ${type} ${data.id} ${data.status}`;
    expect(ids.get(end) ?? row.message_id, end).toBe(row.message_id);
    ids.set(end, row.message_id);
    expect(row.due_at_ms !== undefined, row.id).toBe(row.state === 'pending');
    expect(new URL(row.url).hostname, row.id).toBe('127.0.0.1'); // tests call no other receivers
  }
}

const REPLACED = join(host.root, 'replaced.txt');
const lines = (file: string): string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);
/** Chunks whose bytes or results a test has replaced; these have two usage rows. */
const replacedChunks = (): string[] => lines(REPLACED);

export { REPLACED };

const realJobs = async (): Promise<JobRow[]> =>
  (await scan('JobsTable'))
    .filter((item) => 'version' in item)
    .map((item) => JobRow.parse(item))
    .filter(isReal);

/** Runs the second purge of deleted jobs now instead of ten minutes later; a worker may have written after the first one. */
async function purgeAgain(): Promise<void> {
  const due = (await realJobs()).filter(
    ({ status, due_at_ms }) => (status === 'cancelled' || status === 'deleted') && due_at_ms !== undefined,
  );
  if (due.length === 0) return;
  for (const { job_id } of due)
    await db.send(
      new UpdateCommand({
        TableName: output('JobsTable'),
        Key: { job_id },
        UpdateExpression: 'SET due_at_ms = :past',
        ExpressionAttributeValues: { ':past': 1 },
      }),
    );
  await invoke('SessionKeeperName');
}

export async function checkInvariants(): Promise<void> {
  await purgeAgain();
  const rows = (await scan('ChunksTable')).map((item) => ChunkRow.parse(item));
  const sessions = new Map(
    (await scan('SessionsTable'))
      .map((item) => SessionRow.parse(item))
      .filter(isReal)
      .map((row) => [row.session_id, row]),
  );
  const jobs = await realJobs();
  const owners = new Map([...sessions].map(([id, { user_id }]) => [id, user_id]));
  for (const job of jobs) owners.set(job.job_id, job.user_id);
  const mine = rows.filter(
    (row) => owners.get(row.session_id) === row.user_id && row.object_key.startsWith(`users/${row.user_id}/`),
  );
  const ledger = await scan('LedgerTable');
  const ofDays = (kind: string) => ledger.filter(({ day }) => String(day).startsWith(`${kind}#`));
  const keys = await keysBelow('users/');
  const deleted = new Set([...sessions.values()].filter(({ state }) => state === 'deleted').map((row) => row.session_id));
  const goneJobs = jobs.filter(({ status }) => status === 'deleted' || status === 'cancelled').map(({ job_id }) => job_id);
  expect(
    mine.filter((row) => deleted.has(row.session_id)),
    '12: rows of deleted sessions',
  ).toEqual([]);
  checkChunks(mine, sessions, keys);
  checkUsage(
    mine,
    ofDays('use').map((item) => UsageRow.parse(item)),
    new Set([...deleted, ...goneJobs]),
  );
  for (const id of deleted)
    expect(
      keys.filter((key) => key.includes(`/${id}/`)),
      `12: ${id} is deleted`,
    ).toEqual([]);
  checkGpuTime(ofDays('gpu').map((item) => GpuIntervalRow.parse(item)));
  await checkTranscripts(sessions.values(), mine);
  await checkJobs(jobs, mine, keys);
  const told = (await scan('WebhooksTable')).filter(({ id }) => String(id).startsWith('dlv_'));
  checkDeliveries(told.map((item) => DeliveryRow.parse(item)));
  expect(lines(join(host.root, 'violations.txt')), 'violations recorded by the fleet watch (1, 2, 5)').toEqual([]);
}
