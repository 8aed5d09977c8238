/** Correction rules and target words. */
import { ChangeCorrections, SavedCorrections } from '../corrections.ts';
import type { ApiCalls } from './call.ts';

export const correctionCalls = {
  'GET /api/corrections': {
    operationId: 'getCorrections',
    access: 'own',
    summary: "Get the caller's corrections and target words",
    answers: { 200: SavedCorrections },
  },
  'PUT /api/corrections': {
    operationId: 'changeCorrections',
    access: 'own',
    summary: 'Replace correction rules, target words or both; existing transcripts are corrected in the background',
    body: ChangeCorrections,
    answers: { 200: SavedCorrections },
    errors: ['busy', 'corrections-changed'],
  },
} satisfies ApiCalls;
