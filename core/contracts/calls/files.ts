/** Files, transcribed as jobs. */
import * as z from 'zod';
import * as answers from '../answers.ts';
import { NoFields } from '../fields.ts';
import { FILE_TYPES } from '../formats.ts';
import * as http from '../http.ts';
import { AssignSpeaker, NameSpeaker } from '../speakers.ts';
import { FileTranscript } from '../transcript.ts';
import type { ApiCalls } from './call.ts';

const OF_JOB = ['forbidden', 'not-found', 'deleted'] as const;

export const fileCalls = {
  'POST /api/transcriptions': {
    operationId: 'createTranscription',
    access: 'own',
    summary: 'Create a job for a file and get its upload URL; the same Idempotency-Key creates one job only',
    headers: z.object({ 'Idempotency-Key': http.IdempotencyKey.optional() }),
    body: http.CreateJob,
    answers: { 201: answers.JobCreated },
    errors: ['too-large', 'unsupported-type', 'quota-reached', 'idempotency-mismatch', 'deleted'],
  },
  'GET /api/transcriptions': {
    operationId: 'listTranscriptions',
    access: 'own',
    summary: "List the caller's jobs, newest first",
    query: http.ListJobsQuery,
    answers: { 200: answers.JobList },
    errors: ['malformed'],
  },
  'POST /api/transcriptions/{id}/parts': {
    operationId: 'createPartUploads',
    access: 'owner',
    summary: 'Get URLs for parts of the upload, and the parts that are already uploaded',
    body: http.UploadParts,
    answers: { 200: answers.PartUrls },
    errors: [...OF_JOB, 'already-over'],
  },
  'POST /api/transcriptions/{id}/upload-complete': {
    operationId: 'completeUpload',
    access: 'owner',
    summary: 'Complete the upload and transcribe the file',
    body: NoFields,
    answers: { 202: answers.Job },
    errors: [...OF_JOB, 'upload-incomplete', 'already-over'],
  },
  'GET /api/transcriptions/{id}/status': {
    operationId: 'getTranscriptionStatus',
    access: 'owner',
    summary: 'Get the status and progress of a job, and the text of a completed one',
    answers: { 200: answers.JobStatus },
    errors: OF_JOB,
  },
  'GET /api/transcriptions/{id}/transcript': {
    operationId: 'getTranscriptionTranscript',
    access: 'owner',
    summary: 'Get the text of a completed job',
    query: http.FormatQuery,
    answers: { 200: FileTranscript, 307: null },
    files: FILE_TYPES,
    errors: [...OF_JOB, 'not-ready'],
  },
  'GET /api/transcriptions/{id}/audio': {
    operationId: 'getTranscriptionAudio',
    access: 'owner',
    summary: "Get the URL of a file's audio",
    answers: { 200: answers.FileAudio },
    errors: [...OF_JOB, 'not-ready'],
  },
  'GET /api/transcriptions/{id}/peaks': {
    operationId: 'getTranscriptionPeaks',
    access: 'owner',
    summary: 'Get the waveform of a file',
    query: http.PeaksQuery,
    answers: { 200: answers.Peaks },
    errors: OF_JOB,
  },
  'POST /api/transcriptions/{id}/cancel': {
    operationId: 'cancelTranscription',
    access: 'owner',
    summary: 'Cancel a job and delete its results; a job that is being transcribed again keeps its current text',
    body: NoFields,
    answers: { 200: answers.Job },
    errors: [...OF_JOB, 'already-over'],
  },
  'POST /api/transcriptions/{id}/retry': {
    operationId: 'retryTranscription',
    access: 'owner',
    summary: 'Retry a failed job without a new upload',
    body: NoFields,
    answers: { 202: answers.Job },
    errors: [...OF_JOB, 'not-failed', 'upload-incomplete'],
  },
  'POST /api/transcriptions/{id}/retranscribe': {
    operationId: 'retranscribeTranscription',
    access: 'owner',
    summary: 'Transcribe a completed job again; the current text stays until the new one is complete',
    body: http.Retranscribe,
    answers: { 202: answers.Job },
    errors: [...OF_JOB, 'not-ready', 'quota-reached'],
  },
  'PUT /api/transcriptions/{id}/speakers': {
    operationId: 'nameTranscriptionSpeaker',
    access: 'owner',
    summary: 'Name a speaker of a file, or merge it with another one; names stay when the file is transcribed again',
    body: NameSpeaker,
    answers: { 200: answers.EditsSaved },
    errors: [...OF_JOB, 'not-ready', 'busy'],
  },
  'POST /api/transcriptions/{id}/speakers/assign': {
    operationId: 'assignTranscriptionSpeaker',
    access: 'owner',
    summary: 'Assign the words of a stretch of a file to a speaker, or to a new one',
    body: AssignSpeaker,
    answers: { 200: answers.EditsSaved },
    errors: [...OF_JOB, 'not-ready', 'busy'],
  },
  'DELETE /api/transcriptions/{id}': {
    operationId: 'deleteTranscription',
    access: 'owner',
    summary: 'Delete a job with its file and text',
    answers: { 204: null },
    errors: OF_JOB,
  },
} satisfies ApiCalls;
