/** A user's corrections as they are kept: versions, so that whoever has applied an old one can tell. */
import { Corrections } from '../contracts/corrections.ts';
import type { SettingsRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SettingsStore } from './ports.ts';
import { type Corrector, correctorOf } from './rules.ts';

export interface VersionedCorrector extends Corrector {
  /** 0: the user has never settled anything. */
  readonly version: number;
}

const NONE: Corrections = { rules: [], targetWords: [] };

export interface CorrectionsView extends Corrections {
  readonly version: number;
  /** Whether all chunks and transcripts have them already. */
  readonly applied: boolean;
}

const view = (row: SettingsRow | undefined): CorrectionsView => ({
  ...(row === undefined ? NONE : Corrections.parse(row.corrections)),
  version: row?.version ?? 0,
  applied: (row?.version ?? 0) === (row?.applied_version ?? 0),
});

export const readCorrections = async (store: Pick<SettingsStore, 'get'>, userId: string): Promise<CorrectionsView> =>
  view(await store.get(userId));

/** @throws DomainError `invalid` for a pattern that is none; `busy` when somebody else writes at the same time */
export async function saveCorrections(store: SettingsStore, userId: string, corrections: Corrections): Promise<CorrectionsView> {
  correctorOf(corrections);
  const was = await store.get(userId);
  const row: SettingsRow = {
    user_id: userId,
    version: (was?.version ?? 0) + 1,
    corrections,
    applied_version: was?.applied_version ?? 0,
  };
  if (!(await store.put(row, was?.version))) throw new DomainError('busy', 'the corrections are being changed; try again');
  return view(row);
}

/** Corrections of users, each read and compiled once. */
export function correctors(store: Pick<SettingsStore, 'get'>): (userId: string) => Promise<VersionedCorrector> {
  const known = new Map<string, Promise<VersionedCorrector>>();
  const load = async (userId: string): Promise<VersionedCorrector> => {
    const { version, applied: _applied, ...corrections } = await readCorrections(store, userId);
    return { ...correctorOf(corrections), version };
  };
  return (userId) => {
    const found = known.get(userId) ?? load(userId);
    known.set(userId, found);
    return found;
  };
}
