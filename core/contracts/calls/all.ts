/**
 * All calls of the HTTP API with their schemas. Handlers and routes are typed by their keys; docs/openapi.json and docs/api.md are
 * generated from them.
 */
import { batchCalls } from './batch.ts';
import type { ApiCalls } from './call.ts';
import { correctionCalls } from './corrections.ts';
import { fileCalls } from './files.ts';
import { gpuCalls } from './gpu.ts';
import { knownVoiceCalls } from './known-voices.ts';
import { notificationCalls } from './notifications.ts';
import { sessionCalls } from './sessions.ts';
import { stageCalls } from './stage.ts';

/** All calls with their exact types, in the order of the documents. */
export const calls = {
  ...sessionCalls,
  ...knownVoiceCalls,
  ...correctionCalls,
  ...fileCalls,
  ...gpuCalls,
  ...batchCalls,
  ...notificationCalls,
  ...stageCalls,
};

/** A route key, such as `GET /api/sessions/{id}`. */
export type CallId = keyof typeof calls;
/** The same calls, without their exact types. */
export const CALLS: ApiCalls = calls;

/** Tag of a call -> description. The tag is the first part of its path after `/api/`. */
export const TAGS: Readonly<Record<string, string>> = {
  sessions: 'Recordings in chunks, and their text',
  'recording-defaults': 'Default prompt and hotwords of recordings',
  'known-voices': 'Voices that a user has saved, to suggest names of speakers',
  corrections: 'Rules that correct all text of a user, and target words that are counted in it',
  transcriptions: 'Files, transcribed as jobs',
  gpu: 'Manual control of the GPU (admin)',
  batch: 'The batch, and the locks of recordings that delay it',
  notifications: 'Mail to users',
  webhook: "Messages to users' servers",
  costs: 'GPU costs (admin)',
  overview: 'Current state of the stage (admin)',
  health: 'Health of the service',
  'openapi.json': 'The description of the API',
};
export const tagOf = (path: string): string => path.split('/')[2] ?? '';
