/** Voices that a user has saved, and names that they suggest. */
import { SavedVoice, SavedVoices, SaveKnownVoice, SpeakerSuggestions } from '../known-voices.ts';
import type { ApiCalls } from './call.ts';

export const knownVoiceCalls = {
  'GET /api/known-voices': {
    operationId: 'listKnownVoices',
    access: 'own',
    summary: "List the caller's known voices by name",
    answers: { 200: SavedVoices },
    errors: ['not-found'],
  },
  'POST /api/known-voices': {
    operationId: 'saveKnownVoice',
    access: 'owner-alone',
    summary: 'Save the voice of a named speaker; replaces the known voice with this name',
    body: SaveKnownVoice,
    answers: { 200: SavedVoice },
    errors: ['forbidden', 'not-found', 'deleted', 'not-ready', 'busy'],
  },
  'DELETE /api/known-voices': {
    operationId: 'deleteKnownVoices',
    access: 'own',
    summary: "Delete all of the caller's known voices; also on a stage without known voices",
    answers: { 204: null },
  },
  'DELETE /api/known-voices/{id}': {
    operationId: 'deleteKnownVoice',
    access: 'own',
    summary: 'Delete a known voice',
    answers: { 204: null },
    errors: ['not-found', 'busy'],
  },
  'GET /api/sessions/{id}/speaker-suggestions': {
    operationId: 'suggestSpeakers',
    access: 'owner-alone',
    summary: "Get names for speakers without one, by the caller's known voices; a transcript never contains them",
    answers: { 200: SpeakerSuggestions },
    errors: ['forbidden', 'not-found', 'deleted'],
  },
} satisfies ApiCalls;
