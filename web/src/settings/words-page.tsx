import { useEffect, useState } from 'preact/hooks';
import * as z from 'zod';
import { type CorrectionRule, Corrections } from '../../../core/contracts/corrections.ts';
import { Notifications } from '../../../core/contracts/http.ts';
import { ApiError, callJson, errorMessage } from '../api/client.ts';
import { Icon } from '../ui/icon.tsx';
import { Failed, Loading, Notice } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { merged } from './merge.ts';

const SavedCorrections = Corrections.extend({
  version: z.number(),
  applied: z.boolean(),
  skippedRules: z.array(z.number()).optional(),
});
type SavedCorrections = z.infer<typeof SavedCorrections>;
const KINDS: Readonly<Record<CorrectionRule['kind'], string>> = {
  word: 'Whole word',
  phrase: 'Phrase',
  literal: 'Anywhere',
  regex: 'Pattern (RE2)',
};
const NEW: CorrectionRule = { kind: 'word', match: '', replace: '', caseSensitive: false };

interface RuleProps {
  readonly rule: CorrectionRule;
  readonly number: number;
  change(part: Partial<CorrectionRule>): void;
  move(by: number): void;
  remove(): void;
}
function Rule({ rule, number, change, move, remove }: RuleProps) {
  const label = (what: string): string => `${what} of rule ${number}`;
  return (
    <li class="rule" data-testid="rule">
      <select
        class="input"
        aria-label={label('Kind')}
        value={rule.kind}
        onChange={({ currentTarget: { value } }) => {
          const kind = z.enum(['literal', 'word', 'phrase', 'regex']).safeParse(value);
          if (kind.success) change({ kind: kind.data });
        }}
      >
        {Object.entries(KINDS).map(([kind, name]) => (
          <option key={kind} value={kind}>
            {name}
          </option>
        ))}
      </select>
      <input
        class="input"
        aria-label={label('Recognized text')}
        placeholder="recognized text"
        required
        maxLength={500}
        value={rule.match}
        onInput={({ currentTarget }) => change({ match: currentTarget.value })}
      />
      <input
        class="input"
        aria-label={label('Replacement')}
        placeholder="replacement"
        maxLength={500}
        value={rule.replace}
        onInput={({ currentTarget }) => change({ replace: currentTarget.value })}
      />
      <label class="switch small">
        <input
          type="checkbox"
          checked={rule.caseSensitive}
          onChange={({ currentTarget }) => change({ caseSensitive: currentTarget.checked })}
        />
        <span>
          Match case<span class="visually-hidden"> in rule {number}</span>
        </span>
      </label>
      <div class="row">
        <button
          type="button"
          class="button quiet icon"
          aria-label={`Move rule ${number} up`}
          disabled={number === 1}
          onClick={() => move(-1)}
        >
          <Icon name="up" />
        </button>
        <button type="button" class="button quiet icon" aria-label={`Remove rule ${number}`} onClick={remove}>
          <Icon name="trash" />
        </button>
      </div>
    </li>
  );
}

function EmailSettings() {
  const loaded = useLoaded('notifications', () => callJson(Notifications, 'GET', '/api/notifications'));
  const [message, setMessage] = useState('');
  const { value } = loaded;
  const set = (part: Partial<z.infer<typeof Notifications>>): void => {
    callJson(Notifications, 'PUT', '/api/notifications', part).then(
      () => {
        setMessage('Saved.');
        void loaded.reload();
      },
      (error: unknown) => setMessage(errorMessage(error)),
    );
  };
  return (
    <section class="card" aria-labelledby="mail-title">
      <h2 id="mail-title">Email</h2>
      {loaded.error && <Failed what={loaded.error} retry={() => void loaded.reload()} />}
      {value && (
        <>
          <label class="switch">
            <input
              type="checkbox"
              checked={value.sessionCompleted}
              onChange={({ currentTarget }) => set({ sessionCompleted: currentTarget.checked })}
            />
            <span>Email me when the batch has completed one of my recordings</span>
          </label>
          <label class="switch">
            <input
              type="checkbox"
              checked={value.fileCompleted}
              onChange={({ currentTarget }) => set({ fileCompleted: currentTarget.checked })}
            />
            <span>Email me when one of my files is transcribed or has failed</span>
          </label>
        </>
      )}
      <p class="small soft" role="status">
        {message}
      </p>
    </section>
  );
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/** The rules and target words being edited. They are saved with the version they are based on. */
function useCorrections() {
  const loaded = useLoaded('corrections', () => callJson(SavedCorrections, 'GET', '/api/corrections'));
  const [base, setBase] = useState<SavedCorrections | undefined>();
  const [rules, setRules] = useState<readonly CorrectionRule[]>([]);
  const [targets, setTargets] = useState('');
  const { value } = loaded;
  const show = (saved: SavedCorrections, newRules: readonly CorrectionRule[], words: readonly string[]): void => {
    setBase(saved);
    setRules(newRules);
    setTargets(words.join('\n'));
  };
  useEffect(() => {
    if (value !== undefined && base === undefined) show(value, value.rules, value.targetWords);
  }, [value]);
  /** Merges the corrections that another tab has saved with the changes made here. */
  const mergeNewer = async (): Promise<void> => {
    const newer = await callJson(SavedCorrections, 'GET', '/api/corrections');
    const { rules: oldRules = [], targetWords = [] } = base ?? {};
    show(newer, merged(oldRules, rules, newer.rules), merged(targetWords, linesOf(targets), newer.targetWords));
  };
  const save = async (): Promise<void> => {
    const change = { rules, targetWords: linesOf(targets), version: base?.version };
    const saved = await callJson(SavedCorrections, 'PUT', '/api/corrections', change);
    show(saved, saved.rules, saved.targetWords);
  };
  return { loaded, base, rules, setRules, targets, setTargets, save, mergeNewer };
}

interface Message {
  readonly text: string;
  readonly tone: 'good' | 'bad';
  /** Another tab has saved newer corrections. */
  readonly isOutdated?: boolean;
}

/** Corrections, target words and email notifications. */
export function WordsPage(_: { readonly id: string }) {
  const { loaded, base, rules, setRules, targets, setTargets, save: send, mergeNewer } = useCorrections();
  const [message, setMessage] = useState<Message | undefined>();
  const [isBusy, setBusy] = useState(false);
  const attempt = async (work: () => Promise<void>, done: string): Promise<void> => {
    setBusy(true);
    try {
      await work();
      setMessage({ text: done, tone: 'good' });
    } catch (error) {
      const isOutdated = error instanceof ApiError && error.code === 'corrections-changed';
      const text = isOutdated
        ? 'Another tab or device has changed the corrections. Your changes are not saved yet.'
        : errorMessage(error);
      setMessage({ text, tone: 'bad', isOutdated });
    }
    setBusy(false);
  };
  const save = (): Promise<void> => attempt(send, 'Saved. Existing transcripts are corrected in the background.');
  const loadNewer = (): Promise<void> =>
    attempt(mergeNewer, 'The newer corrections are loaded and your changes are kept. Check them, then save.');
  const put = (at: number, rule: CorrectionRule): void => setRules(rules.map((old, i) => (i === at ? rule : old)));
  if (base === undefined)
    return loaded.error ? <Failed what={loaded.error} retry={() => void loaded.reload()} /> : <Loading what="The page" />;
  return (
    <>
      <h1>Words</h1>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <section class="card" aria-labelledby="rules-title">
          <h2 id="rules-title">Corrections</h2>
          <p class="small soft">
            Replaces words that the model gets wrong. The rules apply to all your text, in this order; each rule works on the
            result of the previous one.
          </p>
          <ol>
            {rules.map((rule, i) => (
              <Rule
                key={i}
                rule={rule}
                number={i + 1}
                change={(part) => put(i, { ...rule, ...part })}
                move={(by) => setRules(rules.toSpliced(i, 1).toSpliced(i + by, 0, rule))}
                remove={() => setRules(rules.toSpliced(i, 1))}
              />
            ))}
          </ol>
          <div>
            <button type="button" class="button" onClick={() => setRules([...rules, NEW])}>
              <Icon name="plus" />
              Add a correction
            </button>
          </div>
        </section>
        <section class="card" aria-labelledby="targets-title">
          <h2 id="targets-title">Target words</h2>
          <div class="field">
            <label for="targets">Words and phrases to count in every recording, one per line</label>
            <textarea
              id="targets"
              class="input"
              value={targets}
              onInput={({ currentTarget }) => setTargets(currentTarget.value)}
            />
          </div>
        </section>
        {base.skippedRules?.map((index) => (
          <Notice key={index} tone="warn">
            <p>Rule {index + 1} is not applied: it would take too long.</p>
          </Notice>
        ))}
        {message && (
          <Notice tone={message.tone}>
            <p>{message.text}</p>
            {message.isOutdated && (
              <button type="button" class="button" onClick={() => void loadNewer()}>
                Load newer corrections
              </button>
            )}
          </Notice>
        )}
        <div>
          <button type="submit" class="button primary" disabled={isBusy}>
            Save
          </button>
        </div>
      </form>
      <EmailSettings />
    </>
  );
}
