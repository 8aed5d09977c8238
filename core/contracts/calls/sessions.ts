/** Recordings in chunks, and their text. */
import * as z from 'zod';
import * as answers from '../answers.ts';
import { Edits } from '../edits.ts';
import { TEXT_TYPES } from '../formats.ts';
import * as http from '../http.ts';
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
    texts: TEXT_TYPES,
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
