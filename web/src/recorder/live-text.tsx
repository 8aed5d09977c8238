import { useEffect, useRef } from 'preact/hooks';
import type { RecordingView } from './upload-queue.ts';
import { useLiveText } from './use-live-text.ts';

const DOTS = { recording: '', recorded: '', sent: 'sent', done: 'done', failed: 'failed' } as const;
const DOT_WORDS = {
  recording: 'being recorded',
  recorded: 'on this device',
  sent: 'sent',
  done: 'transcribed',
  failed: 'failed',
} as const;

const Chunks = ({ chunks }: { readonly chunks: RecordingView['chunks'] }) => (
  <ul class="chunks" aria-label="Chunks">
    {chunks.map(({ n, state }) => (
      <li class={`chunk-dot ${DOTS[state]}`} key={n} title={`Chunk ${n}: ${DOT_WORDS[state]}`}>
        <span class="visually-hidden">
          Chunk {n}: {DOT_WORDS[state]}
        </span>
      </li>
    ))}
  </ul>
);

/** The text of the recording so far, and the states of its chunks. */
export function LiveText({ recording }: { readonly recording: RecordingView }) {
  const hasArrived = recording.chunks.some(({ isKnown }) => isKnown);
  const { transcript } = useLiveText(recording.live && hasArrived ? recording.sessionId : undefined);
  const text = transcript?.text ?? '';
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.scrollTo({ top: box.current.scrollHeight }), [text]);
  return (
    <section class="card" aria-labelledby="live-title">
      <div class="row apart">
        <h2 id="live-title">Text so far</h2>
        <Chunks chunks={recording.chunks} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll it */}
      <div class="live-text" ref={box} tabIndex={0} role="log" aria-labelledby="live-title" data-testid="live-text">
        {text !== '' && <p>{text}</p>}
        {text === '' && (
          <p class="soft">
            {recording.live
              ? 'The first words appear about 30 seconds after you start.'
              : 'This recording is only stored; the batch transcribes it.'}
          </p>
        )}
      </div>
    </section>
  );
}
