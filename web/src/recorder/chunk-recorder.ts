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
const BITS_PER_SECOND = 32_000;
/** In order of preference. Safari supports mp4 only. */
const FORMATS = ['audio/webm;codecs=opus', 'audio/mp4;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];

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
}

export class ChunkRecorder {
  readonly #stream: MediaStream;
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

  /** Resolves when the last audio has been delivered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#ending;
    if (this.#running.recorder.state !== 'inactive') this.#running.recorder.stop();
    await this.#running.ended;
  }

  #start(n: number): Running {
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    const recorder = new MediaRecorder(this.#stream, { ...(mimeType && { mimeType }), audioBitsPerSecond: BITS_PER_SECOND });
    const startedAt = performance.now();
    let index = 0;
    recorder.ondataavailable = ({ data }) => {
      if (data.size > 0) this.#events.part(n, index++, data);
      if (this.#running.n === n && !this.#isStopping && performance.now() - startedAt >= 1000 * CHUNK_SECONDS) this.#switch();
    };
    recorder.onerror = () => this.#events.failed();
    const ended = new Promise<void>((resolve) => {
      recorder.onstop = () => {
        this.#events.ended(n, (performance.now() - startedAt) / 1000);
        resolve();
      };
    });
    recorder.start(PART_MS);
    this.#events.started(n, recorder.mimeType || mimeType || 'audio/webm');
    return { n, recorder, startedAt, ended };
  }

  #switch(): void {
    const old = this.#running;
    this.#running = this.#start(old.n + 1);
    const { n, startedAt } = this.#running;
    this.#ending = new Promise((resolve) => {
      setTimeout(() => {
        this.#events.overlaps(n, Math.round(performance.now() - startedAt));
        if (old.recorder.state !== 'inactive') old.recorder.stop();
        old.ended.then(resolve);
      }, OVERLAP_MS);
    });
  }
}
