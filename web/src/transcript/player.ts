/**
 * Plays the sections of a recording as one. Times are in seconds from the start of the recording.
 *
 * A recorder's chunks have no index for seeking, so each chunk is decoded and passed to the audio element as WAV; the next chunk
 * is decoded in advance. A whole file is one section, which the browser reads from its URL by range requests.
 * URLs expire: when loading fails, the sections are requested once more.
 */
import { signal } from '@preact/signals';

export interface Section {
  readonly start: number;
  readonly end: number;
  readonly url: string;
  /** A chunk is decoded as a whole; otherwise the browser reads ranges. */
  readonly chunkNumber?: number;
}

/** Reads the sections from this chunk number on; a whole file is one section, without numbers. */
export type SectionsFrom = (chunkNumber: number) => Promise<readonly Section[]>;

/** Sample rate of the decoded audio: sufficient for speech, and a 30 s chunk takes 1.4 MB. */
const RATE = 24_000;
const WAV_HEADER_BYTES = 44;
/** Number of decoded chunks in memory: the current one, its neighbors and one more. */
const MAX_DECODED = 4;

function wavOf(buffer: AudioBuffer): Blob {
  const samples = buffer.getChannelData(0);
  const view = new DataView(new ArrayBuffer(WAV_HEADER_BYTES + 2 * samples.length));
  const text = (at: number, letters: string): void => {
    for (const [i, letter] of [...letters].entries()) view.setUint8(at + i, letter.charCodeAt(0));
  };
  text(0, 'RIFF');
  view.setUint32(4, view.byteLength - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, buffer.sampleRate, true);
  view.setUint32(28, 2 * buffer.sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, 2 * samples.length, true);
  for (const [i, sample] of samples.entries())
    view.setInt16(WAV_HEADER_BYTES + 2 * i, Math.round(32_767 * Math.max(-1, Math.min(1, sample))), true);
  return new Blob([view], { type: 'audio/wav' });
}

async function decode(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`S3 returned ${response.status}`);
  const buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await response.arrayBuffer());
  return URL.createObjectURL(wavOf(buffer));
}

export class Player {
  /** Playback position in seconds. */
  readonly time = signal(0);
  readonly isPlaying = signal(false);
  readonly isLoading = signal(false);
  readonly error = signal('');
  readonly rate = signal(1);
  readonly #audio = new Audio();
  readonly #sections: SectionsFrom;
  /** Object URLs of decoded chunks, by their start. */
  readonly #decoded = new Map<number, Promise<string>>();
  #loaded: readonly Section[] = [];
  #current: Section | undefined;
  /** Number of seeks so far. Work for an earlier seek is discarded. */
  #seekCount = 0;
  #frame = 0;

  /** `sections` is called at the first playback, in `extend`, and when a URL has expired. */
  constructor(sections: SectionsFrom) {
    this.#sections = sections;
    this.#audio.preload = 'auto';
    this.#audio.addEventListener('ended', () => void this.#next());
    this.#audio.addEventListener('pause', () => {
      if (!this.#audio.ended) this.isPlaying.value = false;
    });
  }

  async toggle(): Promise<void> {
    if (this.isPlaying.value) this.#audio.pause();
    else await this.play();
  }

  async play(): Promise<void> {
    const end = this.#loaded.at(-1)?.end;
    await this.#goTo(end !== undefined && this.time.value >= end - 0.05 ? 0 : this.time.value, true);
  }

  async seek(seconds: number, andPlay = this.isPlaying.value): Promise<void> {
    await this.#goTo(Math.max(0, seconds), andPlay);
  }

  /** Loads the sections that a recording in progress has got since; the last known one may have changed. Playback continues. */
  async extend(): Promise<void> {
    const last = this.#loaded.at(-1)?.chunkNumber;
    if (last === undefined) return this.#renew();
    this.#loaded = [...this.#loaded.slice(0, -1), ...(await this.#sections(last))];
    this.#current = this.#loaded.find(({ start }) => start === this.#current?.start);
  }

  async #renew(): Promise<void> {
    this.#loaded = await this.#sections(1);
    this.#current = this.#loaded.find(({ start }) => start === this.#current?.start);
  }

  setRate(rate: number): void {
    this.rate.value = rate;
    this.#audio.playbackRate = rate;
  }

  close(): void {
    this.#seekCount += 1;
    cancelAnimationFrame(this.#frame);
    this.#audio.pause();
    this.#audio.removeAttribute('src');
    for (const url of this.#decoded.values()) url.then(URL.revokeObjectURL, () => undefined);
    this.#decoded.clear();
  }

  /** The section to play at this time: the last one that has started, because chunks overlap. */
  #sectionAt(seconds: number): Section | undefined {
    return this.#loaded.findLast(({ start }) => start <= seconds) ?? this.#loaded[0];
  }

  async #urlOf(section: Section): Promise<string> {
    if (section.chunkNumber === undefined) return section.url;
    const existing = this.#decoded.get(section.start);
    if (existing !== undefined) return existing;
    const created = decode(section.url);
    this.#decoded.set(section.start, created);
    for (const [start, old] of this.#decoded) {
      if (this.#decoded.size <= MAX_DECODED) break;
      if (start === this.#current?.start || start === section.start) continue;
      this.#decoded.delete(start);
      old.then(URL.revokeObjectURL, () => undefined);
    }
    return created;
  }

  async #goTo(seconds: number, andPlay: boolean): Promise<void> {
    const seek = ++this.#seekCount;
    this.time.value = seconds;
    this.isLoading.value = true;
    this.error.value = '';
    try {
      if (this.#loaded.length === 0) await this.#renew();
      await this.#load(seconds, seek).catch(async () => {
        // The URL may have expired: request new ones once.
        this.#decoded.clear();
        this.#current = undefined;
        await this.#renew();
        await this.#load(seconds, seek);
      });
      if (seek !== this.#seekCount) return;
      if (andPlay) {
        await this.#audio.play();
        this.isPlaying.value = true;
        this.#track();
      }
    } catch (error) {
      if (seek !== this.#seekCount) return;
      this.isPlaying.value = false;
      const isAborted = error instanceof DOMException && error.name === 'AbortError';
      if (!isAborted) this.error.value = 'The audio cannot be played in this browser.';
    } finally {
      if (seek === this.#seekCount) this.isLoading.value = false;
    }
  }

  async #load(seconds: number, seek: number): Promise<void> {
    const section = this.#sectionAt(seconds);
    if (section === undefined) throw new Error('the recording has no audio');
    if (section !== this.#current) {
      const url = await this.#urlOf(section);
      if (seek !== this.#seekCount) return;
      this.#current = undefined; // a seek to the section before must not believe that it is still loaded
      this.#audio.src = url;
      this.#audio.playbackRate = this.rate.value;
      await new Promise<void>((resolve, reject) => {
        this.#audio.onloadedmetadata = () => resolve();
        this.#audio.onerror = () => reject(new Error('the browser cannot read this audio'));
      });
      this.#current = section;
    }
    this.#audio.currentTime = Math.max(0, seconds - section.start);
    const next = this.#after(section);
    if (next?.chunkNumber !== undefined) this.#urlOf(next).catch(() => undefined);
  }

  #after(section: Section): Section | undefined {
    return this.#loaded[this.#loaded.indexOf(section) + 1];
  }

  async #next(): Promise<void> {
    const next = this.#current && this.#after(this.#current);
    if (next === undefined) {
      this.isPlaying.value = false;
      return;
    }
    await this.#goTo(next.start, true);
  }

  /** Updates `time` with every frame, and switches to the next section where it starts. */
  #track(): void {
    cancelAnimationFrame(this.#frame);
    const update = (): void => {
      const section = this.#current;
      if (section === undefined || !this.isPlaying.value) return;
      if (!this.isLoading.value) {
        const seconds = section.start + this.#audio.currentTime;
        const next = this.#after(section);
        if (next !== undefined && seconds >= next.start) void this.#goTo(seconds, true);
        else this.time.value = seconds;
      }
      this.#frame = requestAnimationFrame(update);
    };
    update();
  }
}
