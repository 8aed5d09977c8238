/**
 * Records a stream as chunks that each decode on their own. Every chunk has its own MediaRecorder; the next one starts before
 * the previous one stops, so that no word is cut. The server trims the overlap.
 *
 * Gotcha: timers of background pages may fire a second or more late. A MediaRecorder delivers data every second even in the
 * background, so its data events decide when a chunk is long enough.
 */

/** Length of a chunk. */
export const CHUNK_SECONDS = 30;
const OVERLAP_MS = 250;
/** Interval at which audio is delivered and stored: the most that is lost when the browser crashes. */
const PART_MS = 1000;
const BITS_PER_SECOND_OF_CHANNEL = 32_000;
/** In order of preference. Safari before 18.4 supports mp4 only. */
const FORMATS = ['audio/webm;codecs=opus', 'audio/mp4;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];

/** A time of the recording. */
export interface Position {
  /** Chunk number. */
  readonly n: number;
  /** Seconds from the chunk's beginning. */
  readonly seconds: number;
}

export interface ChunkEvents {
  started(n: number, contentType: string): void;
  part(n: number, index: number, data: Blob): void;
  /** How long the previous chunk and chunk `n` recorded in parallel. */
  overlaps(n: number, overlapMs: number): void;
  ended(n: number, durationSeconds: number): void;
  failed(): void;
}

interface Running {
  readonly n: number;
  readonly recorder: MediaRecorder;
  readonly startedAt: number;
  readonly ended: Promise<void>;
  /** This class has stopped it; otherwise the browser has. */
  isStopped: boolean;
}

export class ChunkRecorder {
  #stream: MediaStream;
  readonly #events: ChunkEvents;
  #running: Running;
  #ending: Promise<void> = Promise.resolve();
  #isStopping = false;

  /** Starts recording at once. @throws DOMException when the browser cannot record the stream */
  constructor(stream: MediaStream, firstNumber: number, events: ChunkEvents) {
    this.#stream = stream;
    this.#events = events;
    this.#running = this.#start(firstNumber);
  }

  position(): Position {
    return { n: this.#running.n, seconds: (performance.now() - this.#running.startedAt) / 1000 };
  }

  /** Continues at once with another stream, in the next chunk. Resolves when the stream before is no longer used. */
  async continueWith(stream: MediaStream): Promise<void> {
    this.#stream = stream;
    this.#switch();
    await this.#ending;
  }

  /** Resolves when the last audio has been delivered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#ending;
    this.#end(this.#running);
    await this.#running.ended;
  }

  #end(running: Running): void {
    running.isStopped = true;
    if (running.recorder.state !== 'inactive') running.recorder.stop();
  }

  #start(n: number): Running {
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    const channels = this.#stream.getAudioTracks()[0]?.getSettings().channelCount ?? 1;
    const audioBitsPerSecond = channels * BITS_PER_SECOND_OF_CHANNEL;
    const recorder = new MediaRecorder(this.#stream, { ...(mimeType && { mimeType }), audioBitsPerSecond });
    const startedAt = performance.now();
    let index = 0;
    recorder.ondataavailable = ({ data }) => {
      if (data.size > 0) this.#events.part(n, index++, data);
      const isLong = performance.now() - startedAt >= 1000 * CHUNK_SECONDS;
      // The last data of a stream that has ended arrives after its recorder has stopped.
      if (isLong && this.#running.n === n && !this.#isStopping && recorder.state === 'recording') this.#switch();
    };
    recorder.onerror = () => this.#events.failed();
    const ended = new Promise<void>((resolve) => {
      recorder.onstop = () => {
        this.#events.ended(n, (performance.now() - startedAt) / 1000);
        resolve();
        // Later, so that a lost microphone is reported as such first.
        if (!running.isStopped && this.#running === running) setTimeout(() => this.#events.failed());
      };
    });
    recorder.start(PART_MS);
    this.#events.started(n, recorder.mimeType || mimeType || 'audio/webm');
    const running: Running = { n, recorder, startedAt, ended, isStopped: false };
    return running;
  }

  #switch(): void {
    const old = this.#running;
    this.#running = this.#start(old.n + 1);
    const { n, startedAt } = this.#running;
    const before = this.#ending;
    this.#ending = new Promise<void>((resolve) => {
      setTimeout(() => {
        this.#events.overlaps(n, Math.round(performance.now() - startedAt));
        this.#end(old);
        Promise.all([before, old.ended]).then(() => resolve());
      }, OVERLAP_MS);
    });
  }
}
