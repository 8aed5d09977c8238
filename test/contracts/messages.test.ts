import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firstRow } from '../../core/chunk-cache/rows.ts';
import { WorkMessage } from '../../core/contracts/events.ts';
import { ChunkRow } from '../../core/contracts/rows.ts';
import { ChunkTranscript } from '../../core/contracts/transcript.ts';

const example = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/contracts', name), 'utf8'));

test('the shared example of a queue message can be parsed (gpu-worker/tests/test_contracts.py reads it too)', () => {
  const message = example('work-message.v1.json');
  expect(WorkMessage.parse(message)).toEqual(message);
});

test('a new chunk row equals the shared example that the worker claims [stores.contract]', () => {
  const row = ChunkRow.parse(example('chunk-row.pending.json'));
  const object = { key: row.object_key, etag: row.etag, sizeBytes: row.size_bytes, modifiedAtMs: row.uploaded_at_ms };
  const place = { userId: row.user_id, sessionId: row.session_id, chunkNumber: row.chunk_number };
  expect(firstRow(place, object, { lane: row.lane, language: row.language }, row.queued_at_ms)).toEqual(row);
});

test('the shared example of a worker result can be parsed', () => {
  const result = example('chunk-transcript.json');
  expect(ChunkTranscript.parse(result)).toEqual(result);
});
