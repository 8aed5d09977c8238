/** Microphones: the available devices, opening one, and its level. */

export interface Microphone {
  readonly deviceId: string;
  readonly label: string;
}

/** A microphone that cannot be used. The message is shown to the user. */
export class MicrophoneError extends Error {}

const WORDS: Readonly<Record<string, string>> = {
  NotAllowedError:
    'The microphone is not allowed for this page. Allow it in the browser’s site settings (the icon next to the address), then press Record again.',
  NotFoundError: 'No microphone was found. Connect one, then press Record again.',
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

/** Measures the level of a stream: the current peak, 0 to 1. */
export function levelOf(stream: MediaStream): { read(): number; stop(): void } {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  const source = context.createMediaStreamSource(stream);
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    read() {
      analyser.getFloatTimeDomainData(samples);
      return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
    },
    stop() {
      source.disconnect();
      context.close().catch(() => undefined);
    },
  };
}
