import { config } from '../config.ts';
import { pathTo } from '../route.ts';
import { clock, dateTime } from '../ui/format.ts';
import { Failed, Notice } from '../ui/parts.tsx';
import { ChoiceFields, ComputerSwitch, LiveSwitch, SpeakersChoice } from './choice-fields.tsx';
import { Controls } from './controls.tsx';
import { Leftovers } from './leftovers.tsx';
import { LiveText } from './live-text.tsx';
import { noSignalSince } from './no-signal.ts';
import { Notes } from './notes.tsx';
import { PromptFields } from './prompt-fields.tsx';
import { current, isActive, isSuspended, phase, problem } from './recording.ts';
import { isStorageFull } from './store.ts';
import { TimerAndLevel } from './timer-and-level.tsx';
import { type Recorder, useRecorder } from './use-recorder.ts';

/** What went wrong with the recording or the storage of this device. */
const Problems = () => (
  <>
    {problem.value !== '' && (
      <Notice tone={phase.value === 'idle' && problem.value === 'Nothing was recorded.' ? '' : 'bad'}>
        <p>{problem.value}</p>
      </Notice>
    )}
    {noSignalSince.value !== undefined && (
      <Notice tone="bad">
        <p>No signal since {clock(noSignalSince.value)}: the microphone delivers nothing at all. Is it muted, or switched off?</p>
      </Notice>
    )}
    {isStorageFull.value && (
      <Notice tone="warn">
        <p>This device has no space left. Keep this page open until everything is uploaded.</p>
      </Notice>
    )}
  </>
);

/** The options of a new recording. */
const Options = ({ live, withComputer, texts, change, ...speakers }: Recorder) => (
  <>
    <LiveSwitch live={live} change={change} />
    <ComputerSwitch withComputer={withComputer} change={change} />
    {config().canDiarize && !withComputer && <SpeakersChoice {...speakers} change={change} />}
    {!isActive.value && <PromptFields texts={texts} />}
  </>
);

/** The recording with which the next one goes on. */
function Earlier({ earlier: { value, error, reload } }: Pick<Recorder, 'earlier'>) {
  if (error !== undefined) return <Failed what={error} retry={() => void reload()} />;
  return (
    <Notice>
      <p>
        Press Record to go on with <strong>{value?.title ?? 'the recording'}</strong>
        {value && ` of ${dateTime(value.recordedAt ?? value.createdAt)}`}. <a href="#/record">Record something new instead</a>
      </p>
    </Notice>
  );
}

/** The recorder, and recordings that are still on this device. @param id session with which the recording goes on, or empty */
export function RecorderPage({ id }: { readonly id: string }) {
  const recorder = useRecorder(id || undefined);
  const { value: recording } = current;
  const isResumed = id !== '';
  return (
    <>
      <h1>Record</h1>
      <Leftovers />
      <Problems />
      {isResumed && !isActive.value && <Earlier {...recorder} />}
      <section class="card" aria-label="Recorder">
        <div class="record-face">
          <TimerAndLevel />
          <Controls {...recorder} />
        </div>
        <ChoiceFields {...recorder} isResumed={isResumed} />
        {!isResumed && <Options {...recorder} />}
      </section>
      {recording && <LiveText recording={recording} />}
      {recording && <Notes recording={recording} />}
      {recording?.sessionId !== undefined && isSuspended.value && (
        <p>
          <a href={pathTo('sessions', recording.sessionId)}>Open the transcript</a>
        </p>
      )}
    </>
  );
}
