/**
 * The correction rules and target words being edited. They are saved with the version that they are based on; if another tab has
 * saved a newer one, the user can load it, and the changes of both are merged.
 */
import { useEffect, useState } from 'preact/hooks';
import type { CallResult } from '../../../core/contracts/calls/client.ts';
import type { CorrectionRule } from '../../../core/contracts/corrections.ts';
import { ApiError, api, errorMessage } from '../api/client.ts';
import { useLoaded } from '../ui/use-loaded.ts';
import { merged } from './merge.ts';

type SavedCorrections = CallResult<'GET /api/corrections'>;

/** Result of the last action, to be shown to the user. */
export interface Outcome {
  readonly text: string;
  readonly tone: 'good' | 'bad';
  /** Another tab has saved newer corrections. */
  readonly isOutdated?: boolean;
}

const failureOf = (error: unknown): Outcome =>
  error instanceof ApiError && error.code === 'corrections-changed'
    ? {
        text: 'Another tab or device has changed the corrections. Your changes are not saved yet.',
        tone: 'bad',
        isOutdated: true,
      }
    : { text: errorMessage(error), tone: 'bad' };

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/** The corrections being edited, and the actions on them. */
export function useCorrections() {
  const loaded = useLoaded('corrections', () => api('GET /api/corrections'));
  const [base, setBase] = useState<SavedCorrections | undefined>();
  const [rules, setRules] = useState<readonly CorrectionRule[]>([]);
  const [targets, setTargets] = useState('');
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  const [isBusy, setBusy] = useState(false);
  const { value } = loaded;
  const show = (saved: SavedCorrections, newRules: readonly CorrectionRule[], words: readonly string[]): void => {
    setBase(saved);
    setRules(newRules);
    setTargets(words.join('\n'));
  };
  useEffect(() => {
    if (value !== undefined && base === undefined) show(value, value.rules, value.targetWords);
  }, [value]);
  const attempt = async (work: () => Promise<void>, done: string): Promise<void> => {
    setBusy(true);
    try {
      await work();
      setOutcome({ text: done, tone: 'good' });
    } catch (error) {
      setOutcome(failureOf(error));
    }
    setBusy(false);
  };
  return {
    loaded,
    /** The saved version that is being edited; undefined until it is loaded. */
    base,
    rules,
    setRules,
    /** The target words, one per line. */
    targets,
    setTargets,
    outcome,
    isBusy,
    save: () =>
      attempt(async () => {
        const body = { rules: [...rules], targetWords: linesOf(targets), version: base?.version };
        const saved = await api('PUT /api/corrections', { body });
        show(saved, saved.rules, saved.targetWords);
      }, 'Saved. Existing transcripts are corrected in the background.'),
    /** Merges the corrections that another tab has saved with the changes made here. */
    loadNewer: () =>
      attempt(async () => {
        const newer = await api('GET /api/corrections');
        const { rules: oldRules = [], targetWords = [] } = base ?? {};
        show(newer, merged(oldRules, rules, newer.rules), merged(targetWords, linesOf(targets), newer.targetWords));
      }, 'The newer corrections are loaded and your changes are kept. Check them, then save.'),
  };
}
