import { config } from '../config.ts';
import { Failed, Loading, Notice } from '../ui/parts.tsx';
import { EmailSettings } from './email-settings.tsx';
import { KnownVoices } from './known-voices.tsx';
import { Rules } from './rules.tsx';
import { type Outcome, useCorrections } from './use-corrections.ts';

const TargetWords = ({ value, change }: { readonly value: string; change(value: string): void }) => (
  <section class="card" aria-labelledby="targets-title">
    <h2 id="targets-title">Target words</h2>
    <div class="field">
      <label for="targets">Words and phrases to count in every recording, one per line</label>
      <textarea id="targets" class="input" value={value} onInput={({ currentTarget }) => change(currentTarget.value)} />
    </div>
  </section>
);

const OutcomeNotice = ({ outcome, loadNewer }: { readonly outcome: Outcome; loadNewer(): void }) => (
  <Notice tone={outcome.tone}>
    <p>{outcome.text}</p>
    {outcome.isOutdated && (
      <button type="button" class="button" onClick={loadNewer}>
        Load newer corrections
      </button>
    )}
  </Notice>
);

/** Corrections, target words, known voices and email notifications. */
export function WordsPage(_: { readonly id: string }) {
  const { loaded, base, rules, setRules, targets, setTargets, outcome, isBusy, save, loadNewer } = useCorrections();
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
        <Rules rules={rules} change={setRules} />
        <TargetWords value={targets} change={setTargets} />
        {base.skippedRules?.map((index) => (
          <Notice key={index} tone="warn">
            <p>Rule {index + 1} is not applied: it would take too long.</p>
          </Notice>
        ))}
        {outcome && <OutcomeNotice outcome={outcome} loadNewer={() => void loadNewer()} />}
        <div>
          <button type="submit" class="button primary" disabled={isBusy}>
            Save
          </button>
        </div>
      </form>
      {config().knownVoices && <KnownVoices />}
      <EmailSettings />
    </>
  );
}
