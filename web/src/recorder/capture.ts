/** The audio that is recorded: a microphone; or a microphone and the sound of the computer, as the first and second channel. */
import { releaseStream } from './microphone.ts';

export interface Capture {
  /** What is recorded. */
  readonly stream: MediaStream;
  /** Name of the microphone. */
  readonly label: string;
  /** Current peak of the microphone, 0 to 1; undefined while the browser measures nothing. */
  level(): number | undefined;
  /** Closes the microphone. The sound of the computer stays open. */
  release(): void;
}

/** Starts a capture. `lost` is called once if the microphone is disconnected. */
export function capture(microphone: MediaStream, computer: MediaStream | undefined, lost: () => void): Capture {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  const source = context.createMediaStreamSource(microphone);
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const [track] = microphone.getAudioTracks();
  if (track !== undefined) track.onended = lost;
  return {
    stream: computer === undefined ? microphone : bothOf(context, source, computer),
    label: track?.label ?? '',
    level() {
      if (context.state !== 'running') {
        context.resume().catch(() => undefined); // a phone call or another page has suspended it
        return undefined;
      }
      analyser.getFloatTimeDomainData(samples);
      return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
    },
    release() {
      releaseStream(microphone);
      context.close().catch(() => undefined);
    },
  };
}

/** A stream with two channels: the microphone, and the computer. */
function bothOf(context: AudioContext, microphone: AudioNode, computer: MediaStream): MediaStream {
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  for (const [channel, node] of [microphone, context.createMediaStreamSource(computer)].entries()) {
    // A gain with one channel mixes stereo sources down.
    const mono = new GainNode(context, { channelCount: 1, channelCountMode: 'explicit' });
    node.connect(mono).connect(merger, 0, channel);
  }
  const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
  merger.connect(destination);
  return destination.stream;
}
