/** Regression tests for attacks on recordings and files. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CONTENT_TYPES } from '../../core/contracts/formats.ts';
import { ingest } from '../../core/sessions/ingest.ts';
import { attackWorld, CALLERS } from '../support/attack-world.ts';
import { recordingWorld } from '../support/recording-world.ts';
import { chunkRow, chunkTranscript, SESSION, USER } from '../support/rows.ts';

const SCRIPTS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "javascript:alert('1')//",
  '</v><c.x onclick=alert(1)>',
  '00:00:00.000 --> 99:00:00.000',
  '\n\nNOTE\n\n1\n00:00 --> 00:09\n<b>',
];

test.each(SCRIPTS)('%j in any text of a recording is returned as plain text in every format [api.held]', async (script) => {
  const w = await recordingWorld();
  const results = new Map([['r9', { ...chunkTranscript(1, 30, 0), text: script }]]);
  const word = { word: ` ${script}`, start: 0, end: 1, probability: 1 };
  const segment = {
    id: 0,
    start: 0,
    end: 1,
    text: script,
    avg_logprob: 0,
    no_speech_prob: 0,
    compression_ratio: 1,
    words: [word],
  };
  w.results.readResult = async (key) => ({ ...(results.get(key) ?? chunkTranscript(1)), segments: [segment] });
  w.chunks.put(chunkRow(1, { state: 'done', result_key: 'r9', duration_seconds: 30, fence: 1 }));
  w.chunks.put(chunkRow(2, { state: 'dead', error_message: script }));
  await w.call('PUT /api/sessions/{id}/transcript/edits', { body: { version: 0, edits: [{ start: 5, end: 6, text: script }] } });
  const created = await w.call('POST /api/sessions', { body: { title: script } });
  expect(created).toMatchObject({ status: 201, headers: { 'content-type': 'application/json' } });
  const texts: Record<string, string> = {};
  for (const [format, type] of Object.entries(CONTENT_TYPES)) {
    const { status, headers, body } = await w.call('GET /api/sessions/{id}/transcript', { query: { format } });
    expect([status, headers?.['content-type']]).toEqual([200, type]);
    texts[format] = String(body);
  }
  const { vtt = '', srt = '' } = texts;
  const cues = vtt.split('\n\n').slice(1).filter(Boolean);
  // One cue per segment, without markup: no tags, no second time line.
  for (const cue of cues) expect(cue.trimEnd().split('\n')).toHaveLength(2);
  expect(vtt.replace(/^.* --> .*$/gm, '')).not.toMatch(/[<>]|-->/);
  expect(srt.match(/-->/g)).toHaveLength(cues.length);
});

test.each(SCRIPTS.filter((script) => !/[\n/]/.test(script)))(
  '%j as the name and prompt of a file is returned as JSON [api.held]',
  async (script) => {
    const w = await attackWorld();
    const made = await w.call('POST /api/transcriptions', CALLERS.MINE, {
      body: { filename: script, prompt: script, contentType: 'audio/mpeg', sizeBytes: 1 },
    });
    expect(made).toMatchObject({ status: 201, headers: { 'content-type': 'application/json' } });
    const list = await w.call('GET /api/transcriptions', CALLERS.MINE);
    expect(list.headers?.['content-type']).toBe('application/json');
    expect(list.body.jobs.map(({ filename }: { filename: string }) => filename)).toContain(script);
  },
);

test('the pages never interpret text as markup or code [api.held]', () => {
  const root = join(import.meta.dirname, '../../web/src');
  const files = globSync('**/*.{ts,tsx}', { cwd: root });
  expect(files.length).toBeGreaterThan(20);
  const risky = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|\beval\(|new Function|javascript:/;
  expect(files.filter((file) => risky.test(readFileSync(join(root, file), 'utf8')))).toEqual([]);
});

const [CHUNKS, CLIENTS] = [200, 8];
const HOLES = [1, 57, 58, 131, 200];

test('200 chunks of 8 concurrent clients, with duplicates and holes, become one row each, and the holes are listed [api.held]', async () => {
  const w = await recordingWorld();
  const keyOf = (n: number): string => `users/${USER}/sessions/${SESSION}/chunk-${String(n).padStart(3, '0')}.webm`;
  const arrive = (n: number) => ingest(w.deps, { userId: USER, sessionId: SESSION, chunkNumber: n }, keyOf(n));
  const client = async (own: number): Promise<void> => {
    // Each client sends its own chunks and a neighbor's in its own order; every event is delivered twice.
    const mine = Array.from({ length: CHUNKS }, (_, i) => i + 1).filter(
      (n) => n % CLIENTS === own || n % CLIENTS === (own + 1) % CLIENTS,
    );
    for (const n of mine.sort((a, b) => ((a * 7919 + own) % 211) - ((b * 7919 + own) % 211))) {
      if (HOLES.includes(n)) continue;
      const { status, body } = await w.presign({ chunkNumber: n });
      expect([201, 409], JSON.stringify(body)).toContain(status);
      if (status === 409) expect(body.code).toBe('chunk-exists');
      w.objects.put({ key: keyOf(n), etag: `etag-${n}`, sizeBytes: 10, modifiedAtMs: 1 });
      await Promise.all([arrive(n), arrive(n)]);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, own) => client(own)));
  const known = Array.from({ length: CHUNKS }, (_, i) => i + 1).filter((n) => !HOLES.includes(n));
  expect((await w.chunks.listOf(SESSION)).map(({ chunk_number }) => chunk_number)).toEqual(known);
  expect(await w.call('POST /api/sessions/{id}/complete', { body: { chunkCount: CHUNKS } })).toMatchObject({ status: 202 });
  expect((await w.call('GET /api/sessions/{id}')).body).toMatchObject({ state: 'completed', holes: HOLES });
  expect(new Set(w.queue.sent.map((line) => Number(line.split(' ')[2])))).toEqual(new Set(known));
});
