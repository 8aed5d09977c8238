/** Recordings in chunks, and their text. */
import * as z from 'zod';
import * as answers from '../answers.ts';
import { Edits } from '../edits.ts';
import { NoFields } from '../fields.ts';
import { FILE_TYPES } from '../formats.ts';
import * as http from '../http.ts';
import { Note, Notes, PutNote } from '../notes.ts';
import { Transcript } from '../transcript.ts';
import type { ApiCalls } from './call.ts';

const OF_SESSION = ['forbidden', 'not-found', 'deleted'] as const;

export const sessionCalls = {
  'POST /api/sessions': {
    operationId: 'createSession',
    access: 'own',
    summary: 'Create a session for a recording',
    body: http.CreateSession,
    answers: { 201: answers.Session },
  },
  'GET /api/recording-defaults': {
    operationId: 'getRecordingDefaults',
    access: 'own',
    summary: "Get the caller's default prompt and hotwords of recordings",
    answers: { 200: http.RecordingDefaults },
  },
  'PUT /api/recording-defaults': {
    operationId: 'setRecordingDefaults',
    access: 'own',
    summary: 'Replace the default prompt and hotwords; they apply to recordings that are created from now on',
    body: http.RecordingDefaults,
    answers: { 200: http.RecordingDefaults },
  },
  'GET /api/sessions': {
    operationId: 'listSessions',
    access: 'own',
    summary: "List the caller's sessions, newest first",
    query: http.ListQuery,
    answers: { 200: answers.SessionList },
    errors: ['malformed'],
  },
  'GET /api/sessions/{id}': {
    operationId: 'getSession',
    access: 'owner',
    summary: 'Get a session with its chunks, missing chunks and statistics; with `from`, those from this chunk number on',
    query: http.DetailsQuery,
    answers: { 200: answers.SessionDetails },
    errors: OF_SESSION,
  },
  'PATCH /api/sessions/{id}': {
    operationId: 'changeSession',
    access: 'owner',
    summary: 'Change the title of a session',
    body: http.ChangeSession,
    answers: { 200: answers.Session },
    errors: OF_SESSION,
  },
  'DELETE /api/sessions/{id}': {
    operationId: 'deleteSession',
    access: 'owner',
    summary: 'Delete a session with its audio and results',
    answers: { 204: null },
    errors: OF_SESSION,
  },
  'POST /api/sessions/{id}/chunks': {
    operationId: 'createChunkUpload',
    access: 'owner',
    summary: 'Get a presigned URL to upload a chunk; the declared type and size are signed',
    body: http.CreateUpload,
    answers: { 201: answers.Upload },
    errors: [...OF_SESSION, 'chunk-exists', 'too-large', 'unsupported-type'],
  },
  'POST /api/sessions/{id}/chunks/{n}/retry': {
    operationId: 'retryChunk',
    access: 'owner',
    summary: 'Retry a permanently failed chunk with three new attempts',
    answers: { 202: answers.Retried },
    errors: [...OF_SESSION, 'not-failed'],
  },
  'POST /api/sessions/{id}/complete': {
    operationId: 'completeSession',
    access: 'owner',
    summary: 'Complete a session after Stop; its remaining chunks are transcribed before all other work',
    body: http.CompleteSession,
    answers: { 202: answers.Completed },
    errors: OF_SESSION,
  },
  'POST /api/sessions/{id}/resume': {
    operationId: 'resumeSession',
    access: 'owner',
    summary: 'Go on with a completed recording: it records again, from the next chunk number on',
    headers: z.object({ 'Idempotency-Key': http.IdempotencyKey.optional() }),
    body: NoFields,
    answers: { 200: answers.Resumed },
    errors: [...OF_SESSION, 'session-active', 'not-ready', 'idempotency-mismatch', 'busy'],
  },
  'POST /api/sessions/{id}/retranscribe': {
    operationId: 'retranscribeSession',
    access: 'owner',
    summary: 'Transcribe a completed session again; edits stay, and the current text stays until the new one is complete',
    body: http.Retranscribe,
    answers: { 202: answers.Retranscribed },
    errors: [...OF_SESSION, 'not-ready'],
  },
  'GET /api/sessions/{id}/cache': {
    operationId: 'getCacheStatistics',
    access: 'owner',
    summary: 'Get statistics of the chunk cache',
    answers: { 200: answers.CacheStatistics },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/cost': {
    operationId: 'getSessionCost',
    access: 'owner',
    summary: "Get the session's share of the GPU costs",
    answers: { 200: answers.Cost },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/transcript': {
    operationId: 'getSessionTranscript',
    access: 'owner',
    summary: 'Get the text so far; with start and end, the text of that range',
    query: http.TranscriptQuery,
    answers: { 200: z.union([Transcript, answers.RangeText]), 304: null, 307: null },
    files: FILE_TYPES,
    errors: [...OF_SESSION, 'not-ready'],
  },
  'POST /api/sessions/{id}/transcript/ranges': {
    operationId: 'transcribeRange',
    access: 'owner',
    summary: 'Transcribe a range now: its chunks get priority, permanently failed ones get new attempts',
    body: http.TranscribeRange,
    answers: { 202: answers.RangeJob },
    errors: [...OF_SESSION, 'not-ready'],
  },
  'GET /api/sessions/{id}/transcript/edits': {
    operationId: 'getEdits',
    access: 'owner',
    summary: 'Get the edits of the transcript',
    answers: { 200: Edits },
    errors: OF_SESSION,
  },
  'PUT /api/sessions/{id}/transcript/edits': {
    operationId: 'replaceEdits',
    access: 'owner',
    summary: 'Replace the edits of the transcript; they stay when chunks are transcribed again',
    body: Edits,
    answers: { 200: answers.EditsSaved },
    errors: [...OF_SESSION, 'edits-changed'],
  },
  'GET /api/sessions/{id}/notes': {
    operationId: 'getNotes',
    access: 'owner',
    summary: 'Get the notes of a recording, by time',
    answers: { 200: Notes },
    errors: OF_SESSION,
  },
  'PUT /api/sessions/{id}/notes/{note}': {
    operationId: 'putNote',
    access: 'owner',
    summary: 'Write a note at a time of the recording; the client chooses its id',
    body: PutNote,
    answers: { 200: Note },
    errors: [...OF_SESSION, 'busy'],
  },
  'DELETE /api/sessions/{id}/notes/{note}': {
    operationId: 'deleteNote',
    access: 'owner',
    summary: 'Delete a note',
    answers: { 204: null },
    errors: [...OF_SESSION, 'busy'],
  },
  'GET /api/sessions/{id}/audio': {
    operationId: 'getSessionAudio',
    access: 'owner',
    summary: "Get URLs of the chunks' audio, with their positions in time",
    query: http.AudioQuery,
    answers: { 200: answers.Audio },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/peaks': {
    operationId: 'getSessionPeaks',
    access: 'owner',
    summary: 'Get the waveform of a recording',
    query: http.PeaksQuery,
    answers: { 200: answers.Peaks },
    errors: OF_SESSION,
  },
  'POST /api/sessions/{id}/speakers': {
    operationId: 'cutSpeakers',
    access: 'owner',
    summary: 'Get the text by speaker',
    body: http.CutSpeakers,
    answers: { 200: answers.Turns },
    errors: [...OF_SESSION, 'not-ready'],
  },
} satisfies ApiCalls;
