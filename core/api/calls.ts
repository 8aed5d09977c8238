/** All calls of the HTTP API with their schemas. docs/openapi.json, the template's routes and the tests must agree with it. */
import * as z from 'zod';
import * as answers from '../contracts/answers.ts';
import { ChangeCorrections, Corrections } from '../contracts/corrections.ts';
import { Edits } from '../contracts/edits.ts';
import { NoFields } from '../contracts/fields.ts';
import * as http from '../contracts/http.ts';
import { BatchReport } from '../contracts/report.ts';
import { FileTranscript, Transcript } from '../contracts/transcript.ts';
import type { ErrorCode } from '../errors.ts';
import { TEXT_TYPES } from '../transcripts/formats.ts';

export interface ApiCall {
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  /** Optional in a request if the schema accepts `undefined`. */
  readonly body?: z.ZodType;
  /** Success status -> response schema; `null`: no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Media types of a successful response other than JSON. */
  readonly texts?: readonly string[];
  /** In addition to the errors that every call can have. */
  readonly errors?: readonly ErrorCode[];
  readonly access: Access;
}

/**
 * Who may make a call. `own`: every user, on their own data; `owner`: the owner of the session or job, and admins;
 * `owner-alone`: the owner only, not admins; `anyone`: no token needed.
 */
type Access = 'own' | 'owner' | 'owner-alone' | 'admin' | 'anyone';

const OF_JOB = ['forbidden', 'not-found', 'deleted'] as const;
const OF_SESSION = ['forbidden', 'not-found', 'deleted'] as const;
const CorrectionsAnswer = Corrections.extend({
  version: z.number().int(),
  applied: z.boolean().meta({ description: 'Whether all chunks and transcripts reflect these corrections.' }),
  skippedRules: z
    .array(z.number().int().min(0))
    .optional()
    .meta({ description: 'Zero-based indexes of rules that are not applied, because they are invalid or would take too long.' }),
});

const calls = {
  'POST /api/sessions': {
    access: 'own',
    summary: 'Create a session for a recording',
    body: http.CreateSession,
    answers: { 201: answers.Session },
  },
  'GET /api/sessions': {
    access: 'own',
    summary: "List the caller's sessions, newest first",
    query: http.ListQuery,
    answers: { 200: answers.SessionList },
    errors: ['malformed'],
  },
  'GET /api/sessions/{id}': {
    access: 'owner',
    summary: 'Get a session with its chunks, missing chunks and statistics',
    answers: { 200: answers.SessionDetails },
    errors: OF_SESSION,
  },
  'DELETE /api/sessions/{id}': {
    access: 'owner',
    summary: 'Delete a session with its audio and results',
    answers: { 204: null },
    errors: OF_SESSION,
  },
  'POST /api/sessions/{id}/chunks': {
    access: 'owner',
    summary: 'Get a presigned URL to upload a chunk; the declared type and size are signed',
    body: http.CreateUpload,
    answers: { 201: answers.Upload },
    errors: [...OF_SESSION, 'chunk-exists', 'too-large', 'unsupported-type'],
  },
  'POST /api/sessions/{id}/chunks/{n}/retry': {
    access: 'owner',
    summary: 'Retry a permanently failed chunk with three new attempts',
    answers: { 202: answers.Retried },
    errors: [...OF_SESSION, 'not-failed'],
  },
  'POST /api/sessions/{id}/complete': {
    access: 'owner',
    summary: 'Complete a session after Stop; its remaining chunks are transcribed before all other work',
    body: http.CompleteSession,
    answers: { 202: answers.Completed },
    errors: OF_SESSION,
  },
  'POST /api/sessions/{id}/retranscribe': {
    access: 'owner',
    summary: 'Transcribe a completed session again; edits stay, and the current text stays until the new one is complete',
    body: http.Retranscribe,
    answers: { 202: answers.Retranscribed },
    errors: [...OF_SESSION, 'not-ready'],
  },
  'GET /api/sessions/{id}/cache': {
    access: 'owner',
    summary: 'Get statistics of the chunk cache',
    answers: { 200: answers.CacheStatistics },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/cost': {
    access: 'owner',
    summary: "Get the session's share of the GPU costs",
    answers: { 200: answers.Cost },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/transcript': {
    access: 'owner',
    summary: 'Get the text so far; with start and end, the text of that range',
    query: z.object(http.TranscriptQuery.shape),
    answers: { 200: z.union([Transcript, answers.RangeText]), 304: null, 307: null },
    texts: TEXT_TYPES,
    errors: [...OF_SESSION, 'not-ready'],
  },
  'POST /api/sessions/{id}/transcript/ranges': {
    access: 'owner',
    summary: 'Transcribe a range now: its chunks get priority, permanently failed ones get new attempts',
    body: http.TranscribeRange,
    answers: { 202: answers.RangeJob },
    errors: [...OF_SESSION, 'not-ready'],
  },
  'GET /api/sessions/{id}/transcript/edits': {
    access: 'owner',
    summary: 'Get the edits of the transcript',
    answers: { 200: Edits },
    errors: OF_SESSION,
  },
  'PUT /api/sessions/{id}/transcript/edits': {
    access: 'owner',
    summary: 'Replace the edits of the transcript; they stay when chunks are transcribed again',
    body: Edits,
    answers: { 200: answers.EditsSaved },
    errors: [...OF_SESSION, 'edits-changed'],
  },
  'GET /api/sessions/{id}/audio': {
    access: 'owner',
    summary: "Get URLs of the chunks' audio, with their positions in time",
    query: http.AudioQuery,
    answers: { 200: answers.Audio },
    errors: OF_SESSION,
  },
  'GET /api/sessions/{id}/peaks': {
    access: 'owner',
    summary: 'Get the waveform of a recording',
    query: http.PeaksQuery,
    answers: { 200: answers.Peaks },
    errors: OF_SESSION,
  },
  'POST /api/sessions/{id}/speakers': {
    access: 'owner',
    summary: 'Get the text by speaker',
    body: http.CutSpeakers,
    answers: { 200: answers.Turns },
    errors: [...OF_SESSION, 'not-ready'],
  },
  'GET /api/corrections': {
    access: 'own',
    summary: "Get the caller's corrections and target words",
    answers: { 200: CorrectionsAnswer },
  },
  'PUT /api/corrections': {
    access: 'own',
    summary: 'Replace correction rules, target words or both; existing transcripts are corrected in the background',
    body: ChangeCorrections,
    answers: { 200: CorrectionsAnswer },
    errors: ['busy', 'corrections-changed'],
  },
  'POST /api/transcriptions': {
    access: 'own',
    summary: 'Create a job for a file and get its upload URL; the same Idempotency-Key creates one job only',
    headers: z.object({ 'Idempotency-Key': http.IdempotencyKey.optional() }),
    body: http.CreateJob,
    answers: { 201: answers.JobCreated },
    errors: ['too-large', 'unsupported-type', 'quota-reached', 'idempotency-mismatch', 'deleted'],
  },
  'GET /api/transcriptions': {
    access: 'own',
    summary: "List the caller's jobs, newest first",
    query: http.ListJobsQuery,
    answers: { 200: answers.JobList },
    errors: ['malformed'],
  },
  'POST /api/transcriptions/{id}/parts': {
    access: 'owner',
    summary: 'Get URLs for parts of the upload, and the parts that are already uploaded',
    body: http.UploadParts,
    answers: { 200: answers.PartUrls },
    errors: [...OF_JOB, 'already-over'],
  },
  'POST /api/transcriptions/{id}/upload-complete': {
    access: 'owner',
    summary: 'Complete the upload and transcribe the file',
    body: NoFields,
    answers: { 202: answers.Job },
    errors: [...OF_JOB, 'upload-incomplete', 'already-over'],
  },
  'GET /api/transcriptions/{id}/status': {
    access: 'owner',
    summary: 'Get the status and progress of a job, and the text of a completed one',
    answers: { 200: answers.JobStatus },
    errors: OF_JOB,
  },
  'GET /api/transcriptions/{id}/transcript': {
    access: 'owner',
    summary: 'Get the text of a completed job',
    query: http.FormatQuery,
    answers: { 200: FileTranscript, 307: null },
    texts: TEXT_TYPES,
    errors: [...OF_JOB, 'not-ready'],
  },
  'GET /api/transcriptions/{id}/audio': {
    access: 'owner',
    summary: "Get the URL of a file's audio",
    answers: { 200: answers.FileAudio },
    errors: [...OF_JOB, 'not-ready'],
  },
  'GET /api/transcriptions/{id}/peaks': {
    access: 'owner',
    summary: 'Get the waveform of a file',
    query: http.PeaksQuery,
    answers: { 200: answers.Peaks },
    errors: OF_JOB,
  },
  'POST /api/transcriptions/{id}/cancel': {
    access: 'owner',
    summary: 'Cancel a job and delete its results; a job that is being transcribed again keeps its current text',
    body: NoFields,
    answers: { 200: answers.Job },
    errors: [...OF_JOB, 'already-over'],
  },
  'POST /api/transcriptions/{id}/retry': {
    access: 'owner',
    summary: 'Retry a failed job without a new upload',
    body: NoFields,
    answers: { 202: answers.Job },
    errors: [...OF_JOB, 'not-failed', 'upload-incomplete'],
  },
  'POST /api/transcriptions/{id}/retranscribe': {
    access: 'owner',
    summary: 'Transcribe a completed job again; the current text stays until the new one is complete',
    body: http.Retranscribe,
    answers: { 202: answers.Job },
    errors: [...OF_JOB, 'not-ready', 'quota-reached'],
  },
  'DELETE /api/transcriptions/{id}': {
    access: 'owner',
    summary: 'Delete a job with its file and text',
    answers: { 204: null },
    errors: OF_JOB,
  },
  'POST /api/gpu/start': {
    access: 'admin',
    summary: 'Start a GPU machine and hold it (admin)',
    body: http.StartGpu,
    answers: { 202: answers.GpuStarted },
    errors: ['forbidden', 'budget-reached', 'no-capacity', 'busy'],
  },
  'POST /api/gpu/stop': {
    access: 'admin',
    summary: "Release the caller's hold on the machines; with force, stop them in any case (admin)",
    body: http.StopGpu,
    answers: { 200: answers.GpuStopped },
    errors: ['forbidden'],
  },
  'POST /api/batch/lock': {
    access: 'owner-alone',
    summary: 'Lock the batch for a recording, or renew the lock',
    body: http.LockSession,
    answers: { 200: answers.Locked },
    errors: ['forbidden', 'deleted', 'not-recording', 'lock-expired', 'busy'],
  },
  'POST /api/batch/unlock': {
    access: 'own',
    summary: "Release the caller's own lock of a session, or all of them",
    body: http.UnlockSession,
    answers: { 200: answers.Unlocked },
    errors: ['busy'],
  },
  'GET /api/batch/lock-status': {
    access: 'own',
    summary: 'Check whether a recording holds the lock; only its owner and admins see which one',
    answers: { 200: answers.LockStatus },
  },
  'DELETE /api/batch/locks/{id}': {
    access: 'admin',
    summary: 'Release the lock of any session (admin)',
    answers: { 204: null },
    errors: ['forbidden', 'not-found', 'busy'],
  },
  'POST /api/batch/runs': {
    access: 'admin',
    summary: 'Start a batch run, or get the active one (admin)',
    body: http.BeginBatch,
    answers: { 202: answers.BatchRun },
    errors: ['forbidden', 'session-active', 'busy'],
  },
  'GET /api/batch/runs': {
    access: 'admin',
    summary: 'List batch runs, newest first (admin)',
    query: http.ListRunsQuery,
    answers: { 200: answers.BatchRuns },
    errors: ['forbidden'],
  },
  'GET /api/batch/runs/{id}': {
    access: 'admin',
    summary: 'Get a batch run with its report (admin)',
    answers: { 200: answers.BatchRunDetails },
    errors: ['forbidden', 'not-found'],
  },
  'GET /api/batch/pending': {
    access: 'own',
    summary: "List the missing chunks that the newest scan found: the caller's own, or all of them for admins",
    answers: { 200: answers.Pending },
  },
  'GET /api/batch/reports': {
    access: 'admin',
    summary: 'List batch reports, newest first (admin)',
    query: http.ListRunsQuery,
    answers: { 200: answers.Reports },
    errors: ['forbidden'],
  },
  'GET /api/batch/reports/{id}': {
    access: 'admin',
    summary: 'Get a batch report (admin)',
    answers: { 200: BatchReport },
    errors: ['forbidden', 'not-found'],
  },
  'PUT /api/batch/schedule': {
    access: 'admin',
    summary: 'Pause or resume the schedule of the batch (admin)',
    body: http.SetSchedule,
    answers: { 200: answers.ScheduleSet },
    errors: ['forbidden', 'busy'],
  },
  'GET /api/notifications': {
    access: 'own',
    summary: "Get the caller's mail settings",
    answers: { 200: http.Notifications },
  },
  'PUT /api/notifications': {
    access: 'own',
    summary: 'Change the mail settings',
    body: http.ChangeNotifications,
    answers: { 200: http.Notifications },
  },
  'GET /api/webhook': {
    access: 'own',
    summary: "Get the caller's webhook",
    answers: { 200: answers.WebhookSettings },
  },
  'PUT /api/webhook': {
    access: 'own',
    summary: 'Set or remove the webhook; its URL must start with https://',
    body: http.SetWebhook,
    answers: { 200: answers.WebhookSettings },
    errors: ['forbidden'],
  },
  'POST /api/webhook/secret': {
    access: 'own',
    summary: 'Create a new webhook secret; the previous one stays valid for a day',
    body: NoFields,
    answers: { 201: answers.WebhookSecret },
  },
  'GET /api/webhook/deliveries': {
    access: 'own',
    summary: 'List webhook deliveries, newest first',
    query: http.ListDeliveriesQuery,
    answers: { 200: answers.Deliveries },
  },
  'POST /api/webhook/deliveries/{id}/replay': {
    access: 'own',
    summary: 'Send a webhook message again with the same id',
    body: NoFields,
    answers: { 202: answers.Delivery },
    errors: ['not-found'],
  },
  'GET /api/costs': {
    access: 'admin',
    summary: 'Get the GPU costs by day of a month (admin)',
    query: http.CostsQuery,
    answers: { 200: answers.Costs },
    errors: ['forbidden'],
  },
  'GET /api/overview/dead-chunks': {
    access: 'admin',
    summary: 'List permanently failed chunks with their reasons (admin)',
    answers: { 200: answers.DeadChunks },
    errors: ['forbidden'],
  },
  'GET /api/overview': {
    access: 'admin',
    summary: 'Get queues, machines and costs (admin)',
    answers: { 200: answers.Overview },
    errors: ['forbidden'],
  },
  'GET /api/health': { access: 'anyone', summary: 'Check whether the service works', answers: { 200: answers.Health } },
  'GET /api/openapi.json': { access: 'anyone', summary: 'Get this document', answers: { 200: z.looseObject({}) } },
} satisfies Readonly<Record<string, ApiCall>>;

/** A route key, such as `GET /api/sessions/{id}`. */
export type CallId = keyof typeof calls;
export const CALLS: Readonly<Record<string, ApiCall>> = calls;
