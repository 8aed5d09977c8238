import { useEffect, useRef, useState } from 'preact/hooks';
import * as z from 'zod';
import { config } from '../config.ts';
import { go, pathTo } from '../route.ts';
import { clock, usd } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { defaultModel, LanguageField, supportedLanguage } from '../ui/language-field.tsx';
import { Notice } from '../ui/parts.tsx';
import { Leftovers } from './leftovers.tsx';
import { type Microphone, microphones } from './microphone.ts';
import { current, elapsedSeconds, isActive, level, type Phase, pause, phase, problem, resume, start, stop } from './recording.ts';
import { isStorageFull } from './store.ts';
import { type RecordingView, recordings } from './upload-queue.ts';
import { useLiveText } from './use-live-text.ts';

/** The last choices of the user, stored on this device. */
const Choices = z.object({
  deviceId: z.string().default(''),
  language: z.string().default(''),
  live: z.boolean().optional(),
  diarize: z.boolean().default(false),
});
type Choices = z.infer<typeof Choices>;
const CHOICES = 'chunkscribe-recorder';
function lastChoices(): Choices {
  try {
    return Choices.parse(JSON.parse(localStorage.getItem(CHOICES) ?? '{}'));
  } catch {
    return Choices.parse({});
  }
}

/** A level below the first value is silence; after this many milliseconds of silence a warning is shown. */
const [QUIET, QUIET_MS] = [0.004, 8000];
const LOUD = 0.97;

/** Timer and level meter. Updated without rendering, because they change with every frame. */
function TimerAndLevel() {
  const timer = useRef<HTMLDivElement>(null);
  const fill = useRef<HTMLDivElement>(null);
  const [isQuiet, setQuiet] = useState(false);
  useEffect(() => {
    let frame = 0;
    let lastSoundMs = performance.now();
    const draw = (): void => {
      const now = level();
      if (now > QUIET || phase.value !== 'recording') lastSoundMs = performance.now();
      setQuiet(performance.now() - lastSoundMs > QUIET_MS);
      if (timer.current !== null) timer.current.textContent = clock(elapsedSeconds());
      if (fill.current !== null) {
        fill.current.style.transform = `scaleX(${Math.min(1, Math.sqrt(now))})`;
        fill.current.classList.toggle('loud', now > LOUD);
      }
      if (isActive.value) frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [phase.value]);
  return (
    <>
      <div class="timer" role="timer" aria-label="Recorded time" ref={timer}>
        {clock(elapsedSeconds())}
      </div>
      <div class="meter" aria-hidden="true">
        <div class="meter-fill" ref={fill} />
      </div>
      <p class="small soft" role="status">
        {STATES[phase.value]}
        {isQuiet && phase.value === 'recording' && ' No sound: is the microphone muted?'}
      </p>
    </>
  );
}

const STATES: Readonly<Record<Phase, string>> = {
  idle: 'Ready.',
  starting: 'Waiting for permission to use the microphone …',
  recording: 'Recording. Audio is uploaded and transcribed every 30 seconds.',
  paused: 'Paused.',
  lost: 'Interrupted.',
  stopping: 'Saving the last seconds …',
};
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

function LiveText({ recording }: { readonly recording: RecordingView }) {
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

/** The recorder, and recordings that are still on this device. */
export function RecorderPage() {
  const [choices, setChoices] = useState(lastChoices);
  const [title, setTitle] = useState('');
  const [stopped, setStopped] = useState<string | undefined>();
  const [devices, setDevices] = useState<readonly Microphone[]>([]);
  const { liveDefault, usdPerRecordedHour, canDiarize } = config();
  const { deviceId, language, live = liveDefault } = choices;
  const diarize = canDiarize && choices.diarize;
  const change = (part: Partial<Choices>): void => {
    const next = { ...choices, ...part };
    setChoices(next);
    localStorage.setItem(CHOICES, JSON.stringify(next));
  };
  useEffect(() => {
    const refresh = (): void => void microphones().then(setDevices);
    refresh();
    navigator.mediaDevices?.addEventListener('devicechange', refresh);
    return () => navigator.mediaDevices?.removeEventListener('devicechange', refresh);
  }, []);
  const microphone = devices.some((device) => device.deviceId === deviceId) ? deviceId : undefined;
  const now = phase.value;
  // The transcript opens once the server knows the session: at once, or when the network is back.
  const stoppedSession = recordings.value.find(({ id }) => id === stopped)?.sessionId;
  useEffect(() => {
    if (stoppedSession !== undefined) go('sessions', stoppedSession);
  }, [stoppedSession]);
  const isChoosing = now === 'idle' || now === 'starting';
  const isSuspended = now === 'paused' || now === 'lost';

  const begin = async (): Promise<void> => {
    await start({
      deviceId: microphone,
      title: title.trim(),
      language: supportedLanguage(language, defaultModel()) || undefined,
      live,
      diarize,
    });
    setDevices(await microphones());
  };
  const end = async (): Promise<void> => {
    setStopped(await stop());
    setTitle('');
  };

  return (
    <>
      <h1>Record</h1>
      <Leftovers />
      {problem.value !== '' && (
        <Notice tone={now === 'idle' && problem.value === 'Nothing was recorded.' ? '' : 'bad'}>
          <p>{problem.value}</p>
        </Notice>
      )}
      {isStorageFull.value && (
        <Notice tone="warn">
          <p>This device has no space left. Keep this page open until everything is uploaded.</p>
        </Notice>
      )}
      <section class="card" aria-label="Recorder">
        <div class="record-face">
          <TimerAndLevel />
          <div class="controls">
            {isChoosing && (
              <button
                type="button"
                class="record-button"
                aria-label="Record"
                disabled={now === 'starting'}
                onClick={() => void begin()}
              >
                <Icon name="mic" />
              </button>
            )}
            {isActive.value && (
              <>
                <button
                  type="button"
                  class="button"
                  disabled={now === 'stopping'}
                  onClick={() => void (isSuspended ? resume(microphone) : pause())}
                >
                  <Icon name={isSuspended ? 'mic' : 'pause'} />
                  {isSuspended ? 'Resume' : 'Pause'}
                </button>
                <button
                  type="button"
                  class="record-button on"
                  aria-label="Stop"
                  disabled={now === 'stopping'}
                  onClick={() => void end()}
                >
                  <Icon name="stop" />
                </button>
              </>
            )}
          </div>
        </div>
        <div class="choices" hidden={!isChoosing && !isSuspended}>
          <div class="field">
            <label for="microphone">Microphone</label>
            <select
              id="microphone"
              class="input"
              value={microphone ?? ''}
              disabled={now === 'starting'}
              onChange={({ currentTarget }) => change({ deviceId: currentTarget.value })}
            >
              <option value="">System default</option>
              {devices.map((device) => (
                <option key={device.deviceId} value={device.deviceId}>
                  {device.label}
                </option>
              ))}
            </select>
          </div>
          {isChoosing && (
            <LanguageField
              value={language}
              model={defaultModel()}
              disabled={now !== 'idle'}
              change={(next) => change({ language: next })}
            />
          )}
          <div class="field" hidden={!isChoosing}>
            <label for="title">Title</label>
            <input
              id="title"
              class="input"
              maxLength={200}
              placeholder="optional"
              value={title}
              disabled={now !== 'idle'}
              onInput={({ currentTarget }) => setTitle(currentTarget.value)}
            />
          </div>
        </div>
        <label class="switch" hidden={!isChoosing}>
          <input
            type="checkbox"
            checked={live}
            disabled={now !== 'idle'}
            onChange={({ currentTarget }) => change({ live: currentTarget.checked })}
          />
          <span>
            Transcribe while I speak
            <span class="small soft">
              {usdPerRecordedHour > 0 && ` · the machine costs ${usd(usdPerRecordedHour)} an hour`} · without it, the recording is
              stored and the next batch transcribes it
            </span>
          </span>
        </label>
        {canDiarize && (
          <label class="switch" hidden={!isChoosing}>
            <input
              type="checkbox"
              checked={diarize}
              disabled={now !== 'idle'}
              onChange={({ currentTarget }) => change({ diarize: currentTarget.checked })}
            />
            <span>Identify speakers</span>
          </label>
        )}
      </section>
      {current.value && <LiveText recording={current.value} />}
      {current.value?.sessionId !== undefined && isSuspended && (
        <p>
          <a href={pathTo('sessions', current.value.sessionId)}>Open the transcript</a>
        </p>
      )}
    </>
  );
}
