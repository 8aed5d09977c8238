/** The fields of the recorder. Most of them are hidden once it records; microphone and title can be changed then, too. */
import { config } from '../config.ts';
import { usd } from '../ui/format.ts';
import { defaultModel, LanguageField } from '../ui/language-field.tsx';
import { SpeakerCountFields } from '../ui/speaker-counts.tsx';
import { Switch } from '../ui/switch.tsx';
import { canCaptureComputer } from './microphone.ts';
import { isActive, phase } from './recording.ts';
import type { Recorder } from './use-recorder.ts';

const MicrophoneField = ({
  devices,
  microphone,
  chooseMicrophone,
}: Pick<Recorder, 'devices' | 'microphone' | 'chooseMicrophone'>) => (
  <div class="field">
    <label for="microphone">Microphone</label>
    <select
      id="microphone"
      class="input"
      value={microphone ?? ''}
      disabled={phase.value === 'starting'}
      onChange={({ currentTarget }) => void chooseMicrophone(currentTarget.value)}
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

const TitleField = ({ title, setTitle, saveTitle }: Pick<Recorder, 'title' | 'setTitle' | 'saveTitle'>) => (
  <div class="field">
    <label for="title">Title</label>
    <input
      id="title"
      class="input"
      maxLength={200}
      placeholder="optional"
      value={title}
      disabled={phase.value === 'starting' || phase.value === 'stopping'}
      onInput={({ currentTarget }) => setTitle(currentTarget.value)}
      onChange={() => void saveTitle()}
    />
  </div>
);

/** Microphone, language and title. A recording that goes on has the language of its session. */
export const ChoiceFields = ({ isResumed, ...recorder }: Recorder & { readonly isResumed: boolean }) => (
  <div class="choices">
    <MicrophoneField {...recorder} />
    {!isActive.value && !isResumed && (
      <LanguageField
        value={recorder.language}
        model={defaultModel()}
        disabled={phase.value !== 'idle'}
        change={(next) => recorder.change({ language: next })}
      />
    )}
    {(isActive.value || !isResumed) && <TitleField {...recorder} />}
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

/** Whether speakers are identified, and how many there are. */
export const SpeakersChoice = ({
  diarize,
  change,
  counts,
  setCounts,
}: Pick<Recorder, 'diarize' | 'change' | 'counts' | 'setCounts'>) => (
  <>
    <Switch
      checked={diarize}
      disabled={phase.value !== 'idle'}
      hidden={isActive.value}
      change={(isWanted) => change({ diarize: isWanted })}
    >
      Identify speakers
    </Switch>
    {diarize && !isActive.value && (
      <div class="choices">
        <SpeakerCountFields counts={counts} disabled={phase.value !== 'idle'} change={setCounts} />
      </div>
    )}
  </>
);

/** Whether the sound of the computer is recorded, too; only where the browser can. */
export const ComputerSwitch = ({ withComputer, change }: Pick<Recorder, 'withComputer' | 'change'>) =>
  canCaptureComputer() ? (
    <Switch
      checked={withComputer}
      disabled={phase.value !== 'idle'}
      hidden={isActive.value}
      change={(isWanted) => change({ withComputer: isWanted })}
    >
      Also record the sound of this computer
      <span class="small soft"> · you and the others of a call are told apart</span>
    </Switch>
  ) : null;
