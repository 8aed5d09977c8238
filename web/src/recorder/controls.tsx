import { Icon } from '../ui/icon.tsx';
import { isActive, isSuspended, phase } from './recording.ts';
import type { Recorder } from './use-recorder.ts';

const RecordButton = ({ begin, isReady }: Pick<Recorder, 'begin' | 'isReady'>) => (
  <button
    type="button"
    class="record-button"
    aria-label="Record"
    disabled={phase.value === 'starting' || !isReady}
    onClick={() => void begin()}
  >
    <Icon name="mic" />
  </button>
);

const PauseAndStop = ({ pauseOrResume, end }: Pick<Recorder, 'pauseOrResume' | 'end'>) => (
  <>
    <button type="button" class="button" disabled={phase.value === 'stopping'} onClick={() => void pauseOrResume()}>
      <Icon name={isSuspended.value ? 'mic' : 'pause'} />
      {isSuspended.value ? 'Resume' : 'Pause'}
    </button>
    <button
      type="button"
      class="record-button on"
      aria-label="Stop"
      disabled={phase.value === 'stopping'}
      onClick={() => void end()}
    >
      <Icon name="stop" />
    </button>
  </>
);

/** The buttons that are possible in the recorder's state. */
export const Controls = ({ begin, isReady, pauseOrResume, end }: Recorder) => (
  <div class="controls">
    {isActive.value ? <PauseAndStop pauseOrResume={pauseOrResume} end={end} /> : <RecordButton begin={begin} isReady={isReady} />}
  </div>
);
