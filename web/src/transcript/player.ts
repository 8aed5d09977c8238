/**
 * Plays a recording that is in many files as if it were one. Times are seconds from the recording's beginning.
 *
 * Chunks of recorders have no index to seek by, so each is decoded and handed to the audio element as WAV, the next one
 * before it is needed. A whole file is read from its address, range by range.
 */
import { signal } from '@preact/signals';

export interface Section {
  readonly start: number;
  readonly end: number;
  readonly url: string;
  /** A chunk, to be decoded whole; otherwise the browser reads what it needs. */
  readonly isChunk: boolean;
}

/** Samples a second of what is played: speech needs no more, and a chunk is 1.4 MB then. */
const RATE = 24_000;
const WAV_HEADER_BYTES = 44;
/** Decoded sections that are kept: the one that sounds, its neighbours, and one to come back to. */
const KEPT = 4;

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

async function decoded(url: string): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the storage answered ${answer.status}`);
  const buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await answer.arrayBuffer());
  return URL.createObjectURL(wavOf(buffer));
}

export class Player {
  /** Where the recording is, in seconds. */
  readonly time = signal(0);
  readonly isPlaying = signal(false);
  readonly isLoading = signal(false);
  readonly error = signal('');
  readonly rate = signal(1);
  readonly #audio = new Audio();
  readonly #sections: () => Promise<readonly Section[]>;
  /** Addresses of decoded chunks, by their start. */
  readonly #ready = new Map<number, Promise<string>>();
  #loaded: readonly Section[] = [];
  #current: Section | undefined;
  /** Rises with every wish to be elsewhere: what was begun for an older one is dropped. */
  #wish = 0;
  #frame = 0;

  /** `sections`: asked once, and again when an address has grown too old. */
  constructor(sections: () => Promise<readonly Section[]>) {
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

  /** Asks anew which sections there are: a recording that goes on has more. What sounds goes on. */
  async renew(): Promise<void> {
    this.#loaded = await this.#sections();
    this.#current = this.#loaded.find(({ start }) => start === this.#current?.start);
  }

  setRate(rate: number): void {
    this.rate.value = rate;
    this.#audio.playbackRate = rate;
  }

  close(): void {
    this.#wish += 1;
    cancelAnimationFrame(this.#frame);
    this.#audio.pause();
    this.#audio.removeAttribute('src');
    for (const url of this.#ready.values()) url.then(URL.revokeObjectURL, () => undefined);
    this.#ready.clear();
  }

  /** The section that sounds at this time: the last that has begun, since chunks overlap a little. */
  #at(seconds: number): Section | undefined {
    return this.#loaded.findLast(({ start }) => start <= seconds) ?? this.#loaded[0];
  }

  async #address(section: Section): Promise<string> {
    if (!section.isChunk) return section.url;
    const known = this.#ready.get(section.start);
    if (known !== undefined) return known;
    const made = decoded(section.url);
    this.#ready.set(section.start, made);
    for (const [start, old] of this.#ready) {
      if (this.#ready.size <= KEPT) break;
      if (start === this.#current?.start || start === section.start) continue;
      this.#ready.delete(start);
      old.then(URL.revokeObjectURL, () => undefined);
    }
    return made;
  }

  async #goTo(seconds: number, andPlay: boolean): Promise<void> {
    const wish = ++this.#wish;
    this.time.value = seconds;
    this.isLoading.value = true;
    this.error.value = '';
    try {
      if (this.#loaded.length === 0) await this.renew();
      await this.#load(seconds, wish).catch(async () => {
        // The address may be too old: ask for new ones once.
        this.#ready.clear();
        this.#current = undefined;
        await this.renew();
        await this.#load(seconds, wish);
      });
      if (wish !== this.#wish) return;
      if (andPlay) {
        await this.#audio.play();
        this.isPlaying.value = true;
        this.#follow();
      }
    } catch (error) {
      if (wish !== this.#wish || (error instanceof DOMException && error.name === 'AbortError')) return;
      this.isPlaying.value = false;
      this.error.value = 'The audio cannot be played here.';
    } finally {
      if (wish === this.#wish) this.isLoading.value = false;
    }
  }

  async #load(seconds: number, wish: number): Promise<void> {
    const section = this.#at(seconds);
    if (section === undefined) throw new Error('there is no audio');
    if (section !== this.#current) {
      const url = await this.#address(section);
      if (wish !== this.#wish) return;
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
    if (next?.isChunk) this.#address(next).catch(() => undefined);
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

  /** Tells the time with every frame, and changes over to the next section where it begins. */
  #follow(): void {
    cancelAnimationFrame(this.#frame);
    const tell = (): void => {
      const section = this.#current;
      if (section === undefined || !this.isPlaying.value) return;
      if (!this.isLoading.value) {
        const seconds = section.start + this.#audio.currentTime;
        const next = this.#after(section);
        if (next !== undefined && seconds >= next.start) void this.#goTo(seconds, true);
        else this.time.value = seconds;
      }
      this.#frame = requestAnimationFrame(tell);
    };
    tell();
  }
}
