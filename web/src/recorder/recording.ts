/**
 * The recording of this tab, from Record to Stop.
 *
 * Steps: microphone -> recording stored -> chunks stored second by second, each sent when it ends -> Stop: the rest is stored
 * and sent. Pause and a lost microphone end the chunk at hand; going on begins the next one.
 *
 * Gotcha: a tab that dies says nothing. It holds a Web Lock as long as it lives; a recording without one was interrupted
 * (recovery.ts).
 */
import { computed, signal } from '@preact/signals';
import { user } from '../auth/session.ts';
import { ChunkRecorder } from './chunk-recorder.ts';
import { holdLock } from './lock.ts';
import { levelOf, MicrophoneError, openMicrophone } from './microphone.ts';
import { addPart, changeChunk, changeRecording, dropChunk, dropRecording, putChunk, putRecording } from './store.ts';
import { look, recordings, sendRecording } from './upload-queue.ts';

export type Phase = 'idle' | 'starting' | 'recording' | 'paused' | 'lost' | 'stopping';
export const phase = signal<Phase>('idle');
/** What is wrong, in words; empty when nothing is. */
export const problem = signal('');
const recordingId = signal<string | undefined>(undefined);
/** The recording of this tab as it is stored. */
export const current = computed(() => recordings.value.find(({ id }) => id === recordingId.value));
export const isActive = computed(() => !['idle', 'starting'].includes(phase.value));

export interface Wishes {
  readonly deviceId: string | undefined;
  readonly title: string;
  readonly language: string | undefined;
  readonly live: boolean;
  readonly diarize: boolean;
}

interface Active {
  readonly id: string;
  stream: MediaStream;
  recorder: ChunkRecorder | undefined;
  level: ReturnType<typeof levelOf>;
  nextNumber: number;
  /** Seconds before the stretch that is recorded now. */
  seconds: number;
  /** On the page's clock; undefined while nothing is recorded. */
  since: number | undefined;
  release: () => void;
  screen: WakeLockSentinel | undefined;
  /** Somebody has pressed Go on, and the microphone is not there yet. */
  isOpening: boolean;
  unlock: (() => void) | undefined;
  /** Writes in their order: what is read later must be there. */
  writing: Promise<unknown>;
}
let active: Active | undefined;

export const recordingLock = (id: string): string => `chunkscribe-recording-${id}`;

/** Seconds recorded so far. */
export const elapsedSeconds = (): number =>
  active === undefined ? 0 : active.seconds + (active.since === undefined ? 0 : (performance.now() - active.since) / 1000);
/** 0 to 1; 0 while nothing is recorded. */
export const level = (): number => (active?.since === undefined ? 0 : active.level.read());

async function keepScreenOn(): Promise<void> {
  const mine = active;
  if (mine === undefined || document.visibilityState !== 'visible') return;
  mine.screen = await navigator.wakeLock?.request('screen').catch(() => undefined);
}

function recordOn(mine: Active): void {
  const { id } = mine;
  const then = (write: () => Promise<unknown>): void => {
    mine.writing = mine.writing.then(write).catch(() => {
      problem.value = 'This device does not store the recording. Keep this page open until everything is sent.';
    });
  };
  const withSound = new Set<number>();
  mine.recorder = new ChunkRecorder(mine.stream, mine.nextNumber, {
    begun(n, contentType) {
      mine.nextNumber = n + 1;
      then(() => putChunk({ recordingId: id, n, contentType, startedAtMs: Date.now(), state: 'recording' }));
    },
    part(n, index, data) {
      withSound.add(n);
      then(() => addPart({ recordingId: id, n, index, data }));
    },
    overlaps: (n, overlapMs) => then(() => changeChunk(id, n, { overlapMs })),
    ended(n, durationSeconds) {
      const isEmpty = !withSound.has(n) && n === mine.nextNumber - 1;
      if (isEmpty) mine.nextNumber = n;
      then(() => (isEmpty ? dropChunk(id, n) : changeChunk(id, n, { state: 'recorded', durationSeconds })));
      then(look);
      then(async () => sendRecording(id));
    },
    failed: () => void lose('The recording was interrupted by the browser.'),
  });
  mine.since = performance.now();
  for (const track of mine.stream.getAudioTracks())
    track.onended = () => void lose('The microphone is gone. What was recorded is safe.');
}

/** Ends the chunk at hand; the stream goes too, where the microphone is to be free. */
async function rest(mine: Active): Promise<void> {
  if (mine.since !== undefined) mine.seconds = elapsedSeconds();
  mine.since = undefined;
  const { recorder } = mine;
  mine.recorder = undefined;
  await recorder?.stop();
  await mine.writing;
  mine.level.stop();
  silence(mine.stream);
}

/** Lets go of a microphone. */
function silence(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
}

async function lose(why: string): Promise<void> {
  const mine = active;
  if (mine === undefined || phase.value !== 'recording') return;
  phase.value = 'lost';
  problem.value = `${why} Choose a microphone and go on, or stop.`;
  await rest(mine);
}

/** Presses Record. */
export async function start(wishes: Wishes): Promise<void> {
  const { value: who } = user;
  if (phase.value !== 'idle' || !who) return;
  phase.value = 'starting';
  problem.value = '';
  let stream: MediaStream | undefined;
  try {
    stream = await openMicrophone(wishes.deviceId);
    const id = crypto.randomUUID();
    const { title, language, live, diarize } = wishes;
    navigator.storage?.persist?.().catch(() => false); // some browsers ask people first: nobody waits for that
    let release = (): void => undefined;
    await new Promise<void>((held) => {
      const kept = new Promise<void>((resolve) => {
        release = resolve;
      });
      void navigator.locks.request(recordingLock(id), () => {
        held();
        return kept;
      });
    });
    await putRecording({ id, userId: who.userId, title, language, live, diarize, startedAtMs: Date.now(), phase: 'recording' });
    active = {
      id,
      stream,
      recorder: undefined,
      level: levelOf(stream),
      nextNumber: 1,
      seconds: 0,
      since: undefined,
      release,
      screen: undefined,
      isOpening: false,
      unlock: undefined,
      writing: Promise.resolve(),
    };
    recordingId.value = id;
    recordOn(active);
    phase.value = 'recording';
    sendRecording(id); // makes the session, so that the machine boots while the first chunk is recorded
    void keepScreenOn();
    await look(who.userId);
  } catch (error) {
    problem.value =
      error instanceof MicrophoneError ? error.message : 'Recording did not begin: this browser stores nothing here.';
    phase.value = 'idle';
    recordingId.value = undefined;
    silence(stream);
    active?.release();
    active = undefined;
  }
}

export async function pause(): Promise<void> {
  const mine = active;
  if (mine === undefined || phase.value !== 'recording') return;
  phase.value = 'paused';
  await rest(mine);
}

/** Goes on after a pause or with another microphone. */
export async function goOn(deviceId: string | undefined): Promise<void> {
  const mine = active;
  const isResting = (): boolean => active === mine && (phase.value === 'paused' || phase.value === 'lost');
  if (mine === undefined || mine.isOpening || !isResting()) return;
  mine.isOpening = true;
  try {
    const stream = await openMicrophone(deviceId);
    if (!isResting()) {
      silence(stream); // Stop was faster
      return;
    }
    mine.stream = stream;
    mine.level = levelOf(mine.stream);
    recordOn(mine);
    problem.value = '';
    phase.value = 'recording';
  } catch (error) {
    problem.value = error instanceof MicrophoneError ? error.message : 'The microphone cannot be used.';
  } finally {
    mine.isOpening = false;
  }
}

/** Presses Stop; answers the recording's id on this device, unless nothing was recorded. */
export async function stop(): Promise<string | undefined> {
  const mine = active;
  if (mine === undefined || phase.value === 'stopping') return undefined;
  phase.value = 'stopping';
  await rest(mine);
  const { id } = mine;
  const isEmpty = mine.nextNumber === 1;
  const stored = await changeRecording(id, { phase: 'stopped' });
  if (isEmpty && stored?.sessionId === undefined) await dropRecording(id);
  mine.unlock?.();
  await mine.screen?.release().catch(() => undefined);
  active = undefined;
  recordingId.value = undefined;
  phase.value = 'idle';
  problem.value = isEmpty ? 'Nothing was recorded.' : '';
  mine.release();
  await look();
  sendRecording(id);
  return isEmpty ? undefined : id;
}

/** The batch is held back as soon as the session has an id. */
current.subscribe((recording) => {
  if (active !== undefined && recording?.id === active.id && recording.sessionId !== undefined)
    active.unlock ??= holdLock(recording.sessionId);
});
document.addEventListener('visibilitychange', () => void keepScreenOn());
addEventListener('beforeunload', (event) => {
  const isUnsent = recordings.value.some(
    ({ lost, chunks }) => lost === undefined && chunks.some(({ state }) => state === 'recorded'),
  );
  if (isActive.value || isUnsent) event.preventDefault();
});
