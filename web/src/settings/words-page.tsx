import { useEffect, useState } from 'preact/hooks';
import * as z from 'zod';
import { type CorrectionRule, Corrections } from '../../../core/contracts/corrections.ts';
import { Notifications } from '../../../core/contracts/http.ts';
import { ask, inWords } from '../api/client.ts';
import { Icon } from '../ui/icon.tsx';
import { Failed, Loading, Notice } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';

const Answer = Corrections.extend({ version: z.number(), applied: z.boolean() });
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
        aria-label={label('What is heard')}
        placeholder="what is heard"
        required
        maxLength={500}
        value={rule.match}
        onInput={({ currentTarget }) => change({ match: currentTarget.value })}
      />
      <input
        class="input"
        aria-label={label('What is written')}
        placeholder="what is written"
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
          Case counts<span class="visually-hidden"> in rule {number}</span>
        </span>
      </label>
      <div class="row">
        <button
          type="button"
          class="button quiet icon"
          aria-label={label('Earlier: place')}
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

function Mail() {
  const loaded = useLoaded('notifications', () => ask(Notifications, 'GET', '/api/notifications'));
  const [said, setSaid] = useState('');
  const { value } = loaded;
  const set = (part: Partial<z.infer<typeof Notifications>>): void => {
    ask(Notifications, 'PUT', '/api/notifications', part).then(
      () => {
        setSaid('Saved.');
        void loaded.again();
      },
      (error: unknown) => setSaid(inWords(error)),
    );
  };
  return (
    <section class="card" aria-labelledby="mail-title">
      <h2 id="mail-title">Mail</h2>
      {loaded.error && <Failed what={loaded.error} again={() => void loaded.again()} />}
      {value && (
        <>
          <label class="switch">
            <input
              type="checkbox"
              checked={value.sessionCompleted}
              onChange={({ currentTarget }) => set({ sessionCompleted: currentTarget.checked })}
            />
            <span>Tell me when the batch has completed a recording of mine</span>
          </label>
          <label class="switch">
            <input
              type="checkbox"
              checked={value.fileCompleted}
              onChange={({ currentTarget }) => set({ fileCompleted: currentTarget.checked })}
            />
            <span>Tell me when a file of mine is transcribed, or could not be</span>
          </label>
        </>
      )}
      <p class="small soft" role="status">
        {said}
      </p>
    </section>
  );
}

/** Corrections, target words, and what one is told by mail. */
export function WordsPage(_: { readonly id: string }) {
  const loaded = useLoaded('corrections', () => ask(Answer, 'GET', '/api/corrections'));
  const [rules, setRules] = useState<readonly CorrectionRule[]>([]);
  const [targets, setTargets] = useState('');
  const [said, setSaid] = useState<{ text: string; isBad: boolean } | undefined>();
  const [isBusy, setBusy] = useState(false);
  const { value } = loaded;
  useEffect(() => {
    if (value === undefined) return;
    setRules(value.rules);
    setTargets(value.targetWords.join('\n'));
  }, [value?.version]);
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const targetWords = targets
        .split('\n')
        .map((word) => word.trim())
        .filter(Boolean);
      await ask(Answer, 'PUT', '/api/corrections', { rules, targetWords });
      setSaid({ text: 'Saved. What is transcribed already is corrected in the background.', isBad: false });
      await loaded.again();
    } catch (error) {
      setSaid({ text: inWords(error), isBad: true });
    }
    setBusy(false);
  };
  const put = (at: number, rule: CorrectionRule): void => setRules(rules.map((old, i) => (i === at ? rule : old)));
  if (value === undefined)
    return loaded.error ? <Failed what={loaded.error} again={() => void loaded.again()} /> : <Loading what="The page" />;
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
            What the model keeps mishearing, and what you mean. Rules are applied to all your text, one after the other, each on
            what the one before has left.
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
            <label for="targets">Words and phrases that are counted in every recording, one a line</label>
            <textarea
              id="targets"
              class="input"
              value={targets}
              onInput={({ currentTarget }) => setTargets(currentTarget.value)}
            />
          </div>
        </section>
        {said && (
          <Notice tone={said.isBad ? 'bad' : 'good'}>
            <p>{said.text}</p>
          </Notice>
        )}
        <div>
          <button type="submit" class="button primary" disabled={isBusy}>
            Save
          </button>
        </div>
      </form>
      <Mail />
    </>
  );
}
