import { Failed } from '../ui/parts.tsx';
import { useAction } from '../ui/use-action.ts';
import type { Recorder } from './use-recorder.ts';

/** Words to expect and context, for this recording or for all of them. */
export function PromptFields({ texts: { texts, change, isDefault, saveAsDefaults } }: Pick<Recorder, 'texts'>) {
  const { failure, run } = useAction();
  return (
    <details>
      <summary>Words to expect</summary>
      <div class="stack">
        <div class="field">
          <label for="hotwords">Names and rare words that will be spoken</label>
          <input
            id="hotwords"
            class="input"
            maxLength={400}
            placeholder="for example: Chunkscribe, Dr. Okonkwo, stent"
            value={texts.hotwords}
            onInput={({ currentTarget }) => change({ hotwords: currentTarget.value })}
          />
        </div>
        <div class="field">
          <label for="prompt">What it is about, in a sentence that could precede the recording</label>
          <input
            id="prompt"
            class="input"
            maxLength={800}
            value={texts.prompt}
            onInput={({ currentTarget }) => change({ prompt: currentTarget.value })}
          />
        </div>
        {failure && <Failed what={failure} />}
        <div>
          <button type="button" class="button" disabled={isDefault} onClick={() => run(saveAsDefaults, () => undefined)}>
            Use for all my recordings
          </button>
        </div>
      </div>
    </details>
  );
}
