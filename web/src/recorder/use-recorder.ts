import { useEffect, useState } from 'preact/hooks';
import { go } from '../route.ts';
import { defaultModel, supportedLanguage } from '../ui/language-field.tsx';
import { isSuspended, pause, resume, start, stop } from './recording.ts';
import { recordings } from './upload-queue.ts';
import { useChoices } from './use-choices.ts';
import { useMicrophones } from './use-microphones.ts';

/** What the user has chosen for the recording, and the actions of the recorder. */
export type Recorder = ReturnType<typeof useRecorder>;

/** After Stop, it opens the transcript as soon as the server knows the session: at once, or when the network is back. */
export function useRecorder() {
  const { deviceId, language, live, diarize, change } = useChoices();
  const { devices, refresh } = useMicrophones();
  const [title, setTitle] = useState('');
  const [stopped, setStopped] = useState<string | undefined>();
  const microphone = devices.some((device) => device.deviceId === deviceId) ? deviceId : undefined;
  const stoppedSession = recordings.value.find(({ id }) => id === stopped)?.sessionId;
  useEffect(() => {
    if (stoppedSession !== undefined) go('sessions', stoppedSession);
  }, [stoppedSession]);
  return {
    devices,
    /** The chosen microphone; undefined for the system's default, also if the chosen one is not connected. */
    microphone,
    language,
    live,
    diarize,
    change,
    title,
    setTitle,
    async begin(): Promise<void> {
      const options = { title: title.trim(), language: supportedLanguage(language, defaultModel()) || undefined, live, diarize };
      await start({ deviceId: microphone, ...options });
      await refresh(); // labels are known only after the user has allowed the microphone
    },
    pauseOrResume: (): Promise<void> => (isSuspended.value ? resume(microphone) : pause()),
    async end(): Promise<void> {
      setStopped(await stop());
      setTitle('');
    },
  };
}
