/**
 * The recording of this tab, from Record to Stop.
 *
 * States (`phase`): idle -> starting (waits for the microphone) -> recording <-> paused or lost (the microphone or the browser has
 * interrupted it) -> stopping (stores the last audio) -> idle. Pausing and an interruption end the current chunk; resuming starts
 * the next one. Each chunk is stored second by second, and uploaded when it ends.
 *
 * Gotcha: a tab that crashes cannot report it. Each tab holds a Web Lock for its recording; a recording without a lock was
 * interrupted (recovery.ts).
 */
import { computed, signal } from '@preact/signals';
import { user } from '../auth/session.ts';
import { ChunkRecorder } from './chunk-recorder.ts';
import { holdLock } from './lock.ts';
import { levelOf, MicrophoneError, openMicrophone } from './microphone.ts';
import { addPart, changeChunk, changeRecording, dropChunk, dropRecording, putChunk, putRecording } from './store.ts';
import { recordings, refreshRecordings, sendRecording } from './upload-queue.ts';

export type Phase = 'idle' | 'starting' | 'recording' | 'paused' | 'lost' | 'stopping';
export const phase = signal<Phase>('idle');
/** The problem to show to the user; empty without one. */
export const problem = signal('');
const recordingId = signal<string | undefined>(undefined);
/** The stored recording of this tab. */
export const current = computed(() => recordings.value.find(({ id }) => id === recordingId.value));
export const isActive = computed(() => !['idle', 'starting'].includes(phase.value));
/** Whether the user can resume the recording. */
export const isSuspended = computed(() => phase.value === 'paused' || phase.value === 'lost');

export interface RecordingOptions {
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
  /** Seconds recorded before the last start or resume. */
  previousSeconds: number;
  /** Time of the last start or resume (performance.now); undefined while suspended. */
  runningSinceMs: number | undefined;
  /** Releases the Web Lock of the recording. */
  releaseWebLock: () => void;
  screen: WakeLockSentinel | undefined;
  /** The user has pressed Resume and the microphone is not open yet. */
  isOpening: boolean;
  /** Stops renewing the batch lock; undefined until the session has an id. */
  stopRenewingLock: (() => void) | undefined;
  /** Resolves when the chunk before a pause, an interruption or Stop has ended and its microphone is released. */
  suspended: Promise<void>;
  /** Serializes the writes: later reads depend on earlier writes. */
  writing: Promise<unknown>;
}
let active: Active | undefined;

export const recordingLock = (id: string): string => `chunkscribe-recording-${id}`;

/** Seconds recorded so far. */
export const elapsedSeconds = (): number =>
  active === undefined
    ? 0
    : active.previousSeconds + (active.runningSinceMs === undefined ? 0 : (performance.now() - active.runningSinceMs) / 1000);
/** Input level, 0 to 1; 0 while suspended. */
export const level = (): number => (active?.runningSinceMs === undefined ? 0 : active.level.read());

async function keepScreenOn(): Promise<void> {
  const mine = active;
  if (mine === undefined || document.visibilityState !== 'visible') return;
  mine.screen = await navigator.wakeLock?.request('screen').catch(() => undefined);
}

function startRecorder(mine: Active): void {
  const { id } = mine;
  const enqueue = (write: () => Promise<unknown>): void => {
    mine.writing = mine.writing.then(write).catch(() => {
      problem.value = 'The recording cannot be stored on this device. Keep this page open until everything is uploaded.';
    });
  };
  const withAudio = new Set<number>();
  mine.recorder = new ChunkRecorder(mine.stream, mine.nextNumber, {
    started(n, contentType) {
      mine.nextNumber = n + 1;
      enqueue(() => putChunk({ recordingId: id, n, contentType, startedAtMs: Date.now(), state: 'recording' }));
    },
    part(n, index, data) {
      withAudio.add(n);
      enqueue(() => addPart({ recordingId: id, n, index, data }));
    },
    overlaps: (n, overlapMs) => enqueue(() => changeChunk(id, n, { overlapMs })),
    ended(n, durationSeconds) {
      const isEmpty = !withAudio.has(n) && n === mine.nextNumber - 1;
      if (isEmpty) mine.nextNumber = n;
      enqueue(() => (isEmpty ? dropChunk(id, n) : changeChunk(id, n, { state: 'recorded', durationSeconds })));
      enqueue(refreshRecordings);
      enqueue(async () => sendRecording(id));
    },
    failed: () => void interrupt('The browser has interrupted the recording.'),
  });
  mine.runningSinceMs = performance.now();
  for (const track of mine.stream.getAudioTracks())
    track.onended = () => void interrupt('The microphone was disconnected. The audio recorded so far is safe.');
}

/** Ends the current chunk and releases the microphone. */
async function suspend(mine: Active): Promise<void> {
  if (mine.runningSinceMs !== undefined) mine.previousSeconds = elapsedSeconds();
  mine.runningSinceMs = undefined;
  const { recorder, level, stream } = mine;
  mine.recorder = undefined;
  mine.suspended = mine.suspended.then(async () => {
    await recorder?.stop();
    level.stop();
    releaseMicrophone(stream);
  });
  await mine.suspended;
  await mine.writing;
}

function releaseMicrophone(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
}

async function interrupt(reason: string): Promise<void> {
  const mine = active;
  if (mine === undefined || phase.value !== 'recording') return;
  phase.value = 'lost';
  problem.value = `${reason} Choose a microphone and resume, or stop.`;
  await suspend(mine);
}

/** Starts a recording. A failure is shown in `problem`. */
export async function start(options: RecordingOptions): Promise<void> {
  const { value: owner } = user;
  if (phase.value !== 'idle' || !owner) return;
  phase.value = 'starting';
  problem.value = '';
  let stream: MediaStream | undefined;
  try {
    stream = await openMicrophone(options.deviceId);
    const id = crypto.randomUUID();
    const { title, language, live, diarize } = options;
    navigator.storage?.persist?.().catch(() => false); // not awaited: some browsers ask the user
    let releaseWebLock = (): void => undefined;
    await new Promise<void>((held) => {
      const kept = new Promise<void>((resolve) => {
        releaseWebLock = resolve;
      });
      void navigator.locks.request(recordingLock(id), () => {
        held();
        return kept;
      });
    });
    await putRecording({ id, userId: owner.userId, title, language, live, diarize, startedAtMs: Date.now(), phase: 'recording' });
    active = {
      id,
      stream,
      recorder: undefined,
      level: levelOf(stream),
      nextNumber: 1,
      previousSeconds: 0,
      runningSinceMs: undefined,
      releaseWebLock,
      screen: undefined,
      isOpening: false,
      stopRenewingLock: undefined,
      suspended: Promise.resolve(),
      writing: Promise.resolve(),
    };
    recordingId.value = id;
    startRecorder(active);
    phase.value = 'recording';
    sendRecording(id); // creates the session: the machine boots while the first chunk is recorded
    void keepScreenOn();
    await refreshRecordings(owner.userId);
  } catch (error) {
    problem.value =
      error instanceof MicrophoneError
        ? error.message
        : 'Recording did not start: this browser does not allow storage for this page.';
    phase.value = 'idle';
    recordingId.value = undefined;
    releaseMicrophone(stream);
    active?.releaseWebLock();
    active = undefined;
  }
}

export async function pause(): Promise<void> {
  const mine = active;
  if (mine === undefined || phase.value !== 'recording') return;
  phase.value = 'paused';
  await suspend(mine);
}

/** Resumes after a pause or a lost microphone. */
export async function resume(deviceId: string | undefined): Promise<void> {
  const mine = active;
  if (mine === undefined || mine.isOpening || !isSuspended.value) return;
  mine.isOpening = true;
  try {
    const stream = await openMicrophone(deviceId);
    await mine.suspended; // the next chunk's number depends on whether the previous one has audio
    if (active !== mine || !isSuspended.value) {
      releaseMicrophone(stream); // the user has pressed Stop meanwhile
      return;
    }
    mine.stream = stream;
    mine.level = levelOf(mine.stream);
    startRecorder(mine);
    problem.value = '';
    phase.value = 'recording';
  } catch (error) {
    problem.value = error instanceof MicrophoneError ? error.message : 'The microphone cannot be used.';
  } finally {
    mine.isOpening = false;
  }
}

/** Stops the recording. Returns its id on this device, or undefined when nothing was recorded. */
export async function stop(): Promise<string | undefined> {
  const mine = active;
  if (mine === undefined || phase.value === 'stopping') return undefined;
  phase.value = 'stopping';
  await suspend(mine);
  const { id } = mine;
  const isEmpty = mine.nextNumber === 1;
  const stored = await changeRecording(id, { phase: 'stopped' });
  if (isEmpty && stored?.sessionId === undefined) await dropRecording(id);
  mine.stopRenewingLock?.();
  await mine.screen?.release().catch(() => undefined);
  active = undefined;
  recordingId.value = undefined;
  phase.value = 'idle';
  problem.value = isEmpty ? 'Nothing was recorded.' : '';
  mine.releaseWebLock();
  await refreshRecordings();
  sendRecording(id);
  return isEmpty ? undefined : id;
}

/** Holds the batch lock as soon as the session has an id. */
current.subscribe((recording) => {
  if (active !== undefined && recording?.id === active.id && recording.sessionId !== undefined)
    active.stopRenewingLock ??= holdLock(recording.sessionId);
});
document.addEventListener('visibilitychange', () => void keepScreenOn());
addEventListener('beforeunload', (event) => {
  const isUnsent = recordings.value.some(
    ({ lost, chunks }) => lost === undefined && chunks.some(({ state }) => state === 'recorded'),
  );
  if (isActive.value || isUnsent) event.preventDefault();
});
