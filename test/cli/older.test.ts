import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jobIdOf, readOlder, transcriptOf } from '../../cli/import/older.ts';
import { JOB_ID } from '../../core/contracts/jobs.ts';
import { ChunkTranscript } from '../../core/contracts/transcript.ts';

function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'older-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

test('a folder of an older system is read at any depth; unreadable files are listed and do not affect others [deployment.import]', () => {
  const { sessions, jobs, unreadable } = readOlder(
    folderWith({
      'users/u/2024/my session_abc/chunk-010.webm': 'ten',
      'users/u/2024/my session_abc/chunk-9.webm': 'nine',
      'users/u/2024/my session_abc/transcription-chunk-9.json': {
        text: 'nine',
        segments: [{ start: 0, end: 4.5, text: 'nine' }],
      },
      'users/u/2024/my session_abc/transcription-chunk-010.json': { words: 'no text' },
      'users/u/2024/my session_abc/transcription.json': {},
      'users/u/session_empty/notes.txt': 'nothing',
      'jobs/job-1.json': { job_id: '1', status: 'completed', transcript: 'one', created_at: '2024-05-01T10:00:00Z' },
      'jobs.json': [
        { job_id: '2', status: 'queued', filename: 'two.wav' },
        { job_id: '3', status: 'failed', error: 'x'.repeat(900), created_at: 1_700_000_000 },
      ],
      'unrelated.json': {},
    }),
  );
  expect(sessions.map(({ id, chunks }) => [id, chunks.map(({ number, text }) => [number, text?.text])])).toEqual([
    [
      'session_abc',
      [
        [9, 'nine'],
        [10, undefined],
      ],
    ],
  ]);
  expect(jobs).toMatchObject([
    { oldId: '1', filename: '1.wav', text: 'one', createdAtMs: Date.UTC(2024, 4, 1, 10) },
    { oldId: '2', filename: 'two.wav', error: expect.stringContaining('never finished') },
    { oldId: '3', createdAtMs: 1_700_000_000_000, error: 'x'.repeat(500) },
  ]);
  expect(unreadable).toEqual([expect.stringContaining('transcription-chunk-010.json')]);
  const nine = sessions[0]?.chunks[0]?.text;
  expect(ChunkTranscript.parse(nine && transcriptOf('session_abc', 9, nine))).toMatchObject({
    duration_seconds: 4.5,
    model: 'imported',
  });
});

test('an old job always gets the same new id, and another id for another user [deployment.import]', () => {
  expect(jobIdOf('u', '1')).toMatch(JOB_ID);
  expect(jobIdOf('u', '1')).toBe(jobIdOf('u', '1'));
  expect(new Set([jobIdOf('u', '1'), jobIdOf('v', '1'), jobIdOf('u', '2')]).size).toBe(3);
});
