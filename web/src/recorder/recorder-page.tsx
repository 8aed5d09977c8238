import { config } from '../config.ts';
import { pathTo } from '../route.ts';
import { Notice } from '../ui/parts.tsx';
import { ChoiceFields, LiveSwitch, SpeakersSwitch } from './choice-fields.tsx';
import { Controls } from './controls.tsx';
import { Leftovers } from './leftovers.tsx';
import { LiveText } from './live-text.tsx';
import { current, isSuspended, phase, problem } from './recording.ts';
import { isStorageFull } from './store.ts';
import { TimerAndLevel } from './timer-and-level.tsx';
import { useRecorder } from './use-recorder.ts';

/** What went wrong with the recording or the storage of this device. */
const Problems = () => (
  <>
    {problem.value !== '' && (
      <Notice tone={phase.value === 'idle' && problem.value === 'Nothing was recorded.' ? '' : 'bad'}>
        <p>{problem.value}</p>
      </Notice>
    )}
    {isStorageFull.value && (
      <Notice tone="warn">
        <p>This device has no space left. Keep this page open until everything is uploaded.</p>
      </Notice>
    )}
  </>
);

/** The recorder, and recordings that are still on this device. */
export function RecorderPage() {
  const recorder = useRecorder();
  const { live, diarize, change } = recorder;
  const { value: recording } = current;
  return (
    <>
      <h1>Record</h1>
      <Leftovers />
      <Problems />
      <section class="card" aria-label="Recorder">
        <div class="record-face">
          <TimerAndLevel />
          <Controls {...recorder} />
        </div>
        <ChoiceFields {...recorder} />
        <LiveSwitch live={live} change={change} />
        {config().canDiarize && <SpeakersSwitch diarize={diarize} change={change} />}
      </section>
      {recording && <LiveText recording={recording} />}
      {recording?.sessionId !== undefined && isSuspended.value && (
        <p>
          <a href={pathTo('sessions', recording.sessionId)}>Open the transcript</a>
        </p>
      )}
    </>
  );
}
