/** The microphone: which there are, why one cannot be had, and how loud it is. */

export interface Microphone {
  readonly deviceId: string;
  readonly label: string;
}

/** Why there is no sound, in words for people. */
export class MicrophoneError extends Error {}

const WORDS: Readonly<Record<string, string>> = {
  NotAllowedError:
    'The microphone is not allowed for this page. Allow it in the browser’s settings of this site (the symbol beside the address), then press Record again.',
  NotFoundError: 'No microphone was found. Plug one in, then press Record again.',
  NotReadableError:
    'The microphone is used by something else, or the system does not hand it out. Close other programs that record.',
  OverconstrainedError: 'The chosen microphone is not there any more. Choose another one.',
  SecurityError: 'The microphone is not allowed for this page.',
};

/** @throws MicrophoneError */
export async function openMicrophone(deviceId: string | undefined): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined || typeof MediaRecorder === 'undefined')
    throw new MicrophoneError(
      'This browser cannot record here. It takes a current browser, and an address that begins with https://.',
    );
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        ...(deviceId && { deviceId: { exact: deviceId } }),
        channelCount: { ideal: 1 },
        // What makes calls pleasant takes away sounds that the model hears words by.
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

/** Names are empty until the microphone was allowed once. */
export async function microphones(): Promise<Microphone[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return devices
    .filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId !== '')
    .map(({ deviceId, label }, i) => ({ deviceId, label: label || `Microphone ${i + 1}` }));
}

/** Reads how loud a stream is: the peak of the last moments, 0 to 1. */
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
