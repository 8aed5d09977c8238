/** The devices that can be recorded: microphones, and the sound of the computer. */

export interface Microphone {
  readonly deviceId: string;
  readonly label: string;
}

/** A microphone that cannot be used. The message is shown to the user. */
export class MicrophoneError extends Error {}

const WORDS: Readonly<Record<string, string>> = {
  NotAllowedError:
    'The microphone is not allowed for this page. Allow it in the browser’s site settings (the icon next to the address), then try again.',
  NotFoundError: 'No microphone was found. Connect one, then try again.',
  NotReadableError: 'Another program uses the microphone, or the system denies access. Close other programs that record.',
  OverconstrainedError: 'The chosen microphone is not connected. Choose another one.',
  SecurityError: 'The microphone is not allowed for this page.',
};

/** @throws MicrophoneError */
export async function openMicrophone(deviceId: string | undefined): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined || typeof MediaRecorder === 'undefined')
    throw new MicrophoneError(
      'This browser cannot record on this page. Use a current browser and an address that starts with https://.',
    );
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        ...(deviceId && { deviceId: { exact: deviceId } }),
        channelCount: { ideal: 1 },
        // Processing made for calls removes sounds that the model needs.
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: true,
      },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    throw new MicrophoneError(WORDS[name] ?? 'The microphone cannot be used.');
  }
}

/** Browsers return labels only after the user has allowed the microphone once. */
export async function microphones(): Promise<Microphone[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return devices
    .filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId !== '')
    .map(({ deviceId, label }, i) => ({ deviceId, label: label || `Microphone ${i + 1}` }));
}

/**
 * Calls `changed` when a microphone is connected or disconnected, and when the user allows or denies microphones for this page.
 * Returns a function that ends it.
 */
export function watchMicrophones(changed: () => void): () => void {
  const watching = new AbortController();
  const { signal } = watching;
  navigator.mediaDevices?.addEventListener('devicechange', changed, { signal });
  navigator.permissions
    ?.query({ name: 'microphone' })
    .then((permission) => permission.addEventListener('change', changed, { signal }))
    .catch(() => undefined); // Firefox before 131 cannot report it
  return () => watching.abort();
}

/** Whether the browser can record the sound of the computer or of a tab. Phones cannot. */
export const canCaptureComputer = (): boolean => navigator.mediaDevices?.getDisplayMedia !== undefined;

/** The user chooses a tab or screen, whose sound is recorded. Must be called by a click. @throws MicrophoneError */
export async function openComputerSound(): Promise<MediaStream> {
  const sound = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  let shared: MediaStream;
  try {
    shared = await navigator.mediaDevices.getDisplayMedia({ audio: sound, video: true });
  } catch {
    throw new MicrophoneError(
      'No screen or tab was shared. Press Record again and choose one, or switch the computer’s sound off.',
    );
  }
  for (const track of shared.getVideoTracks()) track.stop(); // browsers share sound only together with a picture
  const tracks = shared.getAudioTracks();
  if (tracks.length === 0)
    throw new MicrophoneError(
      'What you shared has no sound. Press Record again, and switch on “share audio” in the browser’s dialog.',
    );
  return new MediaStream(tracks);
}

export function releaseStream(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
}
