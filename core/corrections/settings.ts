/** Reads and changes a user's corrections, and caches the compiled ones. Versions show which results are out of date. */
import { type ChangeCorrections, Corrections, type SavedCorrections } from '../contracts/corrections.ts';
import type { SettingsRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SettingsStore } from './ports.ts';
import { type Corrector, correctorOf, LONGEST_CORRECTION_MS, type TimeLimit, validateRules } from './rules.ts';

export interface VersionedCorrector extends Pick<Corrector, 'correct' | 'count'> {
  /** 0 if the user has never saved corrections. */
  readonly version: number;
}

const NONE: Corrections = { rules: [], targetWords: [] };

const correctionsOf = (row: SettingsRow | undefined): Corrections =>
  row === undefined ? NONE : Corrections.parse(row.corrections);

function view(row: SettingsRow | undefined): SavedCorrections {
  const corrections = correctionsOf(row);
  const { skipped } = correctorOf(corrections);
  return {
    ...corrections,
    version: row?.version ?? 0,
    applied: (row?.version ?? 0) === (row?.applied_version ?? 0),
    ...(skipped.length > 0 && { skippedRules: [...skipped] }),
  };
}

/** The user's corrections; empty if they have never saved any. */
export const readCorrections = async (store: Pick<SettingsStore, 'get'>, userId: string): Promise<SavedCorrections> =>
  view(await store.get(userId));

/**
 * Saves a change; absent fields stay unchanged.
 * @throws DomainError `invalid` for a rule that cannot be applied; `corrections-changed` if the change is for another version;
 * `busy` if another change happens at the same time
 */
export async function saveCorrections(
  store: SettingsStore,
  userId: string,
  { version, ...change }: ChangeCorrections,
): Promise<SavedCorrections> {
  if (change.rules !== undefined) validateRules(change.rules);
  const was = await store.get(userId);
  const known = was?.version ?? 0;
  if (version !== undefined && version !== known)
    throw new DomainError('corrections-changed', 'the corrections were changed in the meantime; load them again', {
      version: known,
    });
  const { rules, targetWords } = correctionsOf(was);
  const row: SettingsRow = {
    user_id: userId,
    version: known + 1,
    corrections: { rules: change.rules ?? rules, targetWords: change.targetWords ?? targetWords },
    applied_version: was?.applied_version ?? 0,
  };
  if (!(await store.put(row, was?.version)))
    throw new DomainError('busy', 'the corrections are being changed by another request; try again');
  return view(row);
}

/** Called with the indexes of a user's rules that were not applied. */
export type OnSkipped = (userId: string, rules: readonly number[]) => void;

const performanceMs = (): number => performance.now();

function correctorFrom(
  userId: string,
  row: SettingsRow | undefined,
  onSkipped: OnSkipped,
  limit: Omit<TimeLimit, 'ranOut'> = { nowMs: performanceMs, untilMs: () => Number.POSITIVE_INFINITY },
): VersionedCorrector {
  const corrector = correctorOf(correctionsOf(row), { ...limit, ranOut: (rules) => onSkipped(userId, rules) });
  if (corrector.skipped.length > 0) onSkipped(userId, corrector.skipped);
  return { correct: corrector.correct, count: corrector.count, version: row?.version ?? 0 };
}

type CorrectorFor = (userId: string) => Promise<VersionedCorrector>;

/** Correctors of users; each is read and compiled once. */
export function correctors(store: Pick<SettingsStore, 'get'>, onSkipped: OnSkipped = () => undefined): CorrectorFor {
  const known = new Map<string, Promise<VersionedCorrector>>();
  return (userId) => {
    const found = known.get(userId) ?? store.get(userId).then((row) => correctorFrom(userId, row, onSkipped));
    known.set(userId, found);
    return found;
  };
}

/** Correctors that a function keeps between invocations. */
const MAX_KEPT = 20;

/**
 * Correctors for API calls. The settings are read for each call; the compiled corrector and its cached texts are kept until the
 * rules change. Expressions that a call has no time for are not applied in its response, but in that of a later call.
 */
export function keptCorrectors(store: Pick<SettingsStore, 'get'>, onSkipped: OnSkipped, nowMs = performanceMs): CorrectorFor {
  const kept = new Map<string, VersionedCorrector>();
  const call = { untilMs: 0 };
  return async (userId) => {
    const row = await store.get(userId);
    call.untilMs = nowMs() + LONGEST_CORRECTION_MS;
    const known = kept.get(userId);
    if (known !== undefined && known.version === (row?.version ?? 0)) return known;
    const made = correctorFrom(userId, row, onSkipped, { nowMs, untilMs: () => call.untilMs });
    const [oldest] = kept.keys();
    if (oldest !== undefined && kept.size >= MAX_KEPT) kept.delete(oldest);
    kept.set(userId, made);
    return made;
  };
}
