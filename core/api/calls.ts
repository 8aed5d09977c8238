/** All calls of the HTTP API with what they take and answer: docs/openapi.json, the routes of the template and the tests agree with it. */
import * as z from 'zod';
import * as answers from '../contracts/answers.ts';
import { Corrections } from '../contracts/corrections.ts';
import { Edits } from '../contracts/edits.ts';
import * as http from '../contracts/http.ts';
import { BatchReport } from '../contracts/report.ts';
import { FileTranscript, Transcript } from '../contracts/transcript.ts';
import type { ErrorCode } from '../errors.ts';

export interface ApiCall {
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Status of success -> its answer; `null`: none. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Media types of success beside JSON. */
  readonly texts?: readonly string[];
  /** Beside those that every call can have. */
  readonly errors?: readonly ErrorCode[];
  /** Needs no token. */
  readonly open?: true;
}

const OF_JOB = ['forbidden', 'not-found', 'deleted'] as const;
const OF_SESSION = ['forbidden', 'not-found', 'deleted'] as const;
const CorrectionsAnswer = Corrections.extend({
  version: z.number().int(),
  applied: z.boolean().meta({ description: 'Whether all chunks and transcripts have them already.' }),
});

export const CALLS: Readonly<Record<string, ApiCall>> = {
  'POST /api/sessions': {
    summary: 'Begin a recording',
    body: http.CreateSession,
    answers: { 201: answers.Session },
    errors: ['too-many'],
  },
  'GET /api/sessions': {
    summary: "The caller's sessions, newest first",
    query: http.ListQuery,
    answers: { 200: answers.SessionList },
    errors: ['malformed'],
  },
  'GET /api/sessions/{id}': {
    summary: 'A session with its chunks, holes and statistics',
    answers: { 200: answers.SessionDetails },
    errors: OF_SESSION,
  },
  'DELETE /api/sessions/{id}': {
    summary: 'Delete a session with its audio and results',
    answers: { 204: null },
    errors: OF_SESSION,
  },
  'POST /api/sessions/{id}/chunks': {
    summary: 'An address to upload a chunk to; what is said of the chunk is signed with it',
    body: http.CreateUpload,
    answers: { 201: answers.Upload },
    errors: [...OF_SESSION, 'chunk-exists', 'too-large', 'unsupported-type', 'too-many'],
  },
  'POST /api/sessions/{id}/chunks/{n}/retry': {
    summary: 'Three new attempts for a dead chunk',
    answers: { 202: answers.Retried },
    errors: [...OF_SESSION, 'not-failed'],
  },
  'POST /api/sessions/{id}/complete': {
    summary: 'Stop: the number of chunks is known, what is missing is transcribed in front of everything else',
    body: http.CompleteSession,
    answers: { 202: answers.Completed },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/cache': {
    summary: 'Statistics of the chunk cache',
    answers: { 200: answers.CacheStatistics },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/cost': {
    summary: "The session's share of what the GPU costs",
    answers: { 200: answers.Cost },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/transcript': {
    summary: 'The text as far as it goes; with start and end that of a range',
    query: z.object(http.TranscriptQuery.shape),
    answers: { 200: z.union([Transcript, answers.RangeText]), 304: null, 307: null },
    texts: ['text/plain', 'application/x-subrip', 'text/vtt'],
    errors: [...OF_SESSION, 'not-ready'],
  },
  'POST /api/sessions/{id}/transcript/ranges': {
    summary: 'Transcribe a range now: its chunks go in front, dead ones get new attempts',
    body: http.TranscribeRange,
    answers: { 202: answers.RangeJob },
    errors: [...OF_SESSION, 'not-ready'],
  },
  'GET /api/sessions/{id}/transcript/edits': {
    summary: "A person's edits of the transcript",
    answers: { 200: Edits },
    errors: OF_SESSION,
  },
  'PUT /api/sessions/{id}/transcript/edits': {
    summary: 'Replace them; they stay when chunks are transcribed again',
    body: Edits,
    answers: { 200: answers.EditsSaved },
    errors: [...OF_SESSION, 'edits-changed'],
  },
  'GET /api/sessions/{id}/audio': {
    summary: 'Where the audio of the chunks is read, and when it sounds',
    query: http.AudioQuery,
    answers: { 200: answers.Audio },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/peaks': {
    summary: 'The waveform',
    query: http.PeaksQuery,
    answers: { 200: answers.Peaks },
    errors: OF_SESSION,
  },
  'POST /api/sessions/{id}/speakers': {
    summary: 'The text of diarized segments',
    body: http.CutSpeakers,
    answers: { 200: answers.Turns },
    errors: [...OF_SESSION, 'not-ready'],
  },
  'GET /api/corrections': { summary: "The caller's corrections and target words", answers: { 200: CorrectionsAnswer } },
  'PUT /api/corrections': {
    summary: 'Replace them; what is transcribed already is corrected again in the background',
    body: Corrections,
    answers: { 200: CorrectionsAnswer },
    errors: ['busy'],
  },
  'POST /api/transcriptions': {
    summary: 'Begin the transcription of a file, and get the address to upload it to; with Idempotency-Key, once',
    headers: z.object({ 'Idempotency-Key': http.IdempotencyKey.optional() }),
    body: http.CreateJob,
    answers: { 201: answers.JobCreated },
    errors: ['too-large', 'unsupported-type', 'too-many', 'quota-reached', 'idempotency-mismatch', 'deleted'],
  },
  'GET /api/transcriptions': {
    summary: "The caller's jobs, newest first",
    query: http.ListJobsQuery,
    answers: { 200: answers.JobList },
    errors: ['malformed'],
  },
  'POST /api/transcriptions/{id}/parts': {
    summary: 'Addresses for parts of the upload, and the parts that are there already',
    body: http.UploadParts,
    answers: { 200: answers.PartUrls },
    errors: [...OF_JOB, 'already-over', 'too-many'],
  },
  'POST /api/transcriptions/{id}/upload-complete': {
    summary: 'The file is there: transcribe it',
    body: z.strictObject({}),
    answers: { 202: answers.Job },
    errors: [...OF_JOB, 'upload-incomplete', 'already-over'],
  },
  'GET /api/transcriptions/{id}/status': {
    summary: 'How far a job is; with its text when it is completed',
    answers: { 200: answers.JobStatus },
    errors: OF_JOB,
  },
  'GET /api/transcriptions/{id}/transcript': {
    summary: 'The text of a completed job',
    query: http.FormatQuery,
    answers: { 200: FileTranscript, 307: null },
    texts: ['text/plain', 'application/x-subrip', 'text/vtt'],
    errors: [...OF_JOB, 'not-ready'],
  },
  'GET /api/transcriptions/{id}/audio': {
    summary: 'Where the audio of an uploaded file is read',
    answers: { 200: answers.FileAudio },
    errors: [...OF_JOB, 'not-ready'],
  },
  'GET /api/transcriptions/{id}/peaks': {
    summary: 'The waveform of a file',
    query: http.PeaksQuery,
    answers: { 200: answers.Peaks },
    errors: OF_JOB,
  },
  'POST /api/transcriptions/{id}/cancel': {
    summary: 'Stop a job; what it had is deleted',
    body: z.strictObject({}),
    answers: { 200: answers.Job },
    errors: [...OF_JOB, 'already-over'],
  },
  'POST /api/transcriptions/{id}/retry': {
    summary: 'Try a failed job again, without a new upload',
    body: z.strictObject({}),
    answers: { 202: answers.Job },
    errors: [...OF_JOB, 'not-failed', 'upload-incomplete'],
  },
  'DELETE /api/transcriptions/{id}': {
    summary: 'Delete a job with its file and text',
    answers: { 204: null },
    errors: OF_JOB,
  },
  'POST /api/gpu/start': {
    summary: 'Start a GPU machine and hold it (admin)',
    body: http.StartGpu,
    answers: { 202: answers.GpuStarted },
    errors: ['forbidden', 'budget-reached', 'no-capacity', 'busy'],
  },
  'POST /api/gpu/stop': {
    summary: 'Let go of the machines, with force whoever holds them (admin)',
    body: http.StopGpu,
    answers: { 200: answers.GpuStopped },
    errors: ['forbidden'],
  },
  'POST /api/batch/lock': {
    summary: 'A recording holds the batch back; again: renewal',
    body: http.LockSession,
    answers: { 200: answers.Locked },
    errors: ['forbidden', 'deleted', 'not-recording', 'lock-expired', 'too-many', 'busy'],
  },
  'POST /api/batch/unlock': {
    summary: "Release the caller's own lock of a session, or all of them",
    body: http.UnlockSession,
    answers: { 200: answers.Unlocked },
    errors: ['busy'],
  },
  'GET /api/batch/lock-status': {
    summary: 'Whether anybody records; whose it is only to the owner and admins',
    answers: { 200: answers.LockStatus },
  },
  'DELETE /api/batch/locks/{id}': {
    summary: "Release a session's lock, whosever it is (admin)",
    answers: { 204: null },
    errors: ['forbidden', 'not-found', 'busy'],
  },
  'POST /api/batch/runs': {
    summary: 'Begin a batch run, or get the one that is under way (admin)',
    body: http.BeginBatch,
    answers: { 202: answers.BatchRun },
    errors: ['forbidden', 'session-active', 'too-many', 'busy'],
  },
  'GET /api/batch/runs': {
    summary: 'Runs, newest first (admin)',
    query: http.ListRunsQuery,
    answers: { 200: answers.BatchRuns },
    errors: ['forbidden'],
  },
  'GET /api/batch/runs/{id}': {
    summary: 'A run with its report (admin)',
    answers: { 200: answers.BatchRunDetails },
    errors: ['forbidden', 'not-found'],
  },
  'GET /api/batch/pending': {
    summary: "What the newest scan found missing: the caller's own chunks, all for admins",
    answers: { 200: answers.Pending },
  },
  'GET /api/batch/reports': {
    summary: 'Reports, newest first (admin)',
    query: http.ListRunsQuery,
    answers: { 200: answers.Reports },
    errors: ['forbidden'],
  },
  'GET /api/batch/reports/{id}': {
    summary: 'A report (admin)',
    answers: { 200: BatchReport },
    errors: ['forbidden', 'not-found'],
  },
  'PUT /api/batch/schedule': {
    summary: 'Pause the schedule, or let it go on (admin)',
    body: http.SetSchedule,
    answers: { 200: answers.ScheduleSet },
    errors: ['forbidden', 'busy'],
  },
  'GET /api/notifications': {
    summary: 'What the caller is told by mail',
    answers: { 200: http.Notifications },
  },
  'PUT /api/notifications': {
    summary: 'Choose it',
    body: http.ChangeNotifications,
    answers: { 200: http.Notifications },
  },
  'GET /api/webhook': {
    summary: 'Where the caller is told that something has ended',
    answers: { 200: answers.WebhookSettings },
  },
  'PUT /api/webhook': {
    summary: 'Choose it: an address that begins with https://',
    body: http.SetWebhook,
    answers: { 200: answers.WebhookSettings },
    errors: ['forbidden'],
  },
  'POST /api/webhook/secret': {
    summary: 'A new secret to check signatures with; the one before holds for a day more',
    body: z.strictObject({}),
    answers: { 201: answers.WebhookSecret },
  },
  'GET /api/webhook/deliveries': {
    summary: 'What was delivered or not, newest first',
    query: http.ListDeliveriesQuery,
    answers: { 200: answers.Deliveries },
  },
  'POST /api/webhook/deliveries/{id}/replay': {
    summary: 'Send a message once more, with the id that it had',
    body: z.strictObject({}),
    answers: { 202: answers.Delivery },
    errors: ['not-found', 'too-many'],
  },
  'GET /api/costs': {
    summary: 'What the GPU has cost, by day of a month (admin)',
    query: http.CostsQuery,
    answers: { 200: answers.Costs },
    errors: ['forbidden'],
  },
  'GET /api/overview/dead-chunks': {
    summary: 'Chunks that are given up, with their reason; a retry of each is a call of its session (admin)',
    answers: { 200: answers.DeadChunks },
    errors: ['forbidden'],
  },
  'GET /api/overview': {
    summary: 'Queues, machines, cost (admin)',
    answers: { 200: answers.Overview },
    errors: ['forbidden'],
  },
  'GET /api/health': { summary: 'Whether the service answers', answers: { 200: answers.Health }, open: true },
  'GET /api/openapi.json': { summary: 'This document', answers: { 200: z.looseObject({}) }, open: true },
};
