/**
 * Makes chunks of a stream that each decode alone: a recorder of its own for each, the next one started before the last one
 * is stopped, so that no word is cut. The server trims what both have.
 *
 * Gotcha: timers of pages in the background come late, up to a second and more. Recorders hand out what they have every
 * second whatever the page does, so it is they who say when a chunk is long enough.
 */

/** Seconds after which the next chunk begins. */
const CHUNK_SECONDS = 30;
const OVERLAP_MS = 250;
/** What is lost at most when the browser dies. */
const PART_MS = 1000;
const BITS_PER_SECOND = 32_000;
/** The first one that the browser makes; Safari knows mp4 only. */
const FORMATS = ['audio/webm;codecs=opus', 'audio/mp4;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];

export interface ChunkEvents {
  begun(n: number, contentType: string): void;
  part(n: number, index: number, data: Blob): void;
  /** The chunk before `n` went on for so long beside it. */
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

  /** Begins at once, with this chunk number. @throws DOMException when the browser makes no audio of the stream */
  constructor(stream: MediaStream, firstNumber: number, events: ChunkEvents) {
    this.#stream = stream;
    this.#events = events;
    this.#running = this.#begin(firstNumber);
  }

  /** Resolves when the last sound has been handed out. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#ending;
    if (this.#running.recorder.state !== 'inactive') this.#running.recorder.stop();
    await this.#running.ended;
  }

  #begin(n: number): Running {
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    const recorder = new MediaRecorder(this.#stream, { ...(mimeType && { mimeType }), audioBitsPerSecond: BITS_PER_SECOND });
    const startedAt = performance.now();
    let index = 0;
    recorder.ondataavailable = ({ data }) => {
      if (data.size > 0) this.#events.part(n, index++, data);
      if (this.#running.n === n && !this.#isStopping && performance.now() - startedAt >= 1000 * CHUNK_SECONDS) this.#change();
    };
    recorder.onerror = () => this.#events.failed();
    const ended = new Promise<void>((resolve) => {
      recorder.onstop = () => {
        this.#events.ended(n, (performance.now() - startedAt) / 1000);
        resolve();
      };
    });
    recorder.start(PART_MS);
    this.#events.begun(n, recorder.mimeType || mimeType || 'audio/webm');
    return { n, recorder, startedAt, ended };
  }

  #change(): void {
    const old = this.#running;
    this.#running = this.#begin(old.n + 1);
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
