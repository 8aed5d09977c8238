import { useEffect, useState } from 'preact/hooks';
import { api } from '../api/client.ts';
import { go } from '../route.ts';
import { defaultModel, supportedLanguage } from '../ui/language-field.tsx';
import type { SpeakerCounts } from '../ui/speaker-counts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { canCaptureComputer } from './microphone.ts';
import { changeMicrophone, current, isActive, isSuspended, pause, phase, rename, resume, start, stop } from './recording.ts';
import { recordings } from './upload-queue.ts';
import { useChoices } from './use-choices.ts';
import { useMicrophones } from './use-microphones.ts';
import { usePrompt } from './use-prompt.ts';

/** What the user has chosen for the recording, and the actions of the recorder. */
export type Recorder = ReturnType<typeof useRecorder>;

/**
 * After Stop, it opens the transcript as soon as the server knows the session: at once, or when the network is back.
 * @param sessionId session with which the next recording goes on
 */
export function useRecorder(sessionId: string | undefined) {
  const { deviceId, language, live, diarize, withComputer, change } = useChoices();
  const [counts, setCounts] = useState<SpeakerCounts>({});
  const { devices, refresh } = useMicrophones();
  const texts = usePrompt();
  const earlier = useLoaded(`earlier ${sessionId}`, async () =>
    sessionId === undefined ? undefined : api('GET /api/sessions/{id}', { path: { id: sessionId } }),
  );
  const [title, setTitle] = useState(current.value?.title ?? '');
  const [stopped, setStopped] = useState<string | undefined>();
  const microphone = devices.some((device) => device.deviceId === deviceId) ? deviceId : undefined;
  const stoppedSession = recordings.value.find(({ id }) => id === stopped)?.sessionId;
  useEffect(() => {
    if (stoppedSession !== undefined) go('sessions', stoppedSession);
  }, [stoppedSession]);
  useEffect(() => setTitle(current.value?.title ?? ''), [current.value?.id]);
  return {
    devices,
    /** The chosen microphone; undefined for the system's default, also if the chosen one is not connected. */
    microphone,
    async chooseMicrophone(id: string): Promise<void> {
      change({ deviceId: id });
      if (phase.value === 'recording') await changeMicrophone(id || undefined);
    },
    language,
    live,
    diarize,
    counts,
    setCounts,
    withComputer,
    change,
    texts,
    earlier,
    /** Whether the session with which the recording goes on is loaded. */
    isReady: sessionId === undefined || earlier.value !== undefined,
    title,
    setTitle,
    /** Called when the user has finished typing. */
    saveTitle: (): Promise<void> | undefined => (isActive.value ? rename(title.trim()) : undefined),
    async begin(): Promise<void> {
      const model = defaultModel();
      const options = { title: title.trim(), language: supportedLanguage(language, model) || undefined, live, diarize };
      const { prompt, hotwords } = texts.chosen ?? {};
      const isSeparate = earlier.value?.channels === 'separate';
      const both = sessionId === undefined ? withComputer : isSeparate && canCaptureComputer();
      const { minSpeakers, maxSpeakers } = counts;
      await start({
        ...{ deviceId: microphone, withComputer: both, ...options, minSpeakers, maxSpeakers },
        ...{ prompt, hotwords, sessionId },
      });
      await refresh(); // labels are known only after the user has allowed the microphone
    },
    pauseOrResume: (): Promise<void> => (isSuspended.value ? resume(microphone) : pause()),
    async end(): Promise<void> {
      setStopped(await stop());
    },
  };
}
