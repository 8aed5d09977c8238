/** The fields of the recorder. Most of them are hidden once it records; the microphone can also be chosen while it is suspended. */
import { config } from '../config.ts';
import { usd } from '../ui/format.ts';
import { defaultModel, LanguageField } from '../ui/language-field.tsx';
import { Switch } from '../ui/switch.tsx';
import { isActive, isSuspended, phase } from './recording.ts';
import type { Recorder } from './use-recorder.ts';

const MicrophoneField = ({ devices, microphone, change }: Pick<Recorder, 'devices' | 'microphone' | 'change'>) => (
  <div class="field">
    <label for="microphone">Microphone</label>
    <select
      id="microphone"
      class="input"
      value={microphone ?? ''}
      disabled={phase.value === 'starting'}
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
);

const TitleField = ({ title, setTitle }: Pick<Recorder, 'title' | 'setTitle'>) => (
  <div class="field" hidden={isActive.value}>
    <label for="title">Title</label>
    <input
      id="title"
      class="input"
      maxLength={200}
      placeholder="optional"
      value={title}
      disabled={phase.value !== 'idle'}
      onInput={({ currentTarget }) => setTitle(currentTarget.value)}
    />
  </div>
);

/** Microphone, language and title. */
export const ChoiceFields = ({ devices, microphone, language, change, title, setTitle }: Recorder) => (
  <div class="choices" hidden={isActive.value && !isSuspended.value}>
    <MicrophoneField devices={devices} microphone={microphone} change={change} />
    {!isActive.value && (
      <LanguageField
        value={language}
        model={defaultModel()}
        disabled={phase.value !== 'idle'}
        change={(next) => change({ language: next })}
      />
    )}
    <TitleField title={title} setTitle={setTitle} />
  </div>
);

/** Whether the recording is transcribed while it is made. */
export function LiveSwitch({ live, change }: Pick<Recorder, 'live' | 'change'>) {
  const { usdPerRecordedHour } = config();
  return (
    <Switch
      checked={live}
      disabled={phase.value !== 'idle'}
      hidden={isActive.value}
      change={(isLive) => change({ live: isLive })}
    >
      Transcribe while I speak
      <span class="small soft">
        {usdPerRecordedHour > 0 && ` · the machine costs ${usd(usdPerRecordedHour)} an hour`} · without it, the recording is
        stored and the next batch transcribes it
      </span>
    </Switch>
  );
}

/** Whether speakers are identified. */
export const SpeakersSwitch = ({ diarize, change }: Pick<Recorder, 'diarize' | 'change'>) => (
  <Switch
    checked={diarize}
    disabled={phase.value !== 'idle'}
    hidden={isActive.value}
    change={(isWanted) => change({ diarize: isWanted })}
  >
    Identify speakers
  </Switch>
);
