/**
 * The recording of this tab, from Record to Stop.
 *
 * States (`phase`): idle -> starting (waits for the microphone) -> recording <-> paused or lost (the microphone or the browser has
 * interrupted it) -> stopping (stores the last audio) -> idle. Pausing and an interruption end the current chunk; resuming starts
 * the next one. A lost recording resumes by itself as soon as there is a microphone; a note says what was lost. Each chunk is stored second by second, and uploaded when it ends.
 *
 * Gotcha: a tab that crashes cannot report it. Each tab holds a Web Lock for its recording; a recording without a lock was
 * interrupted (recovery.ts).
 */
import { computed, signal } from '@preact/signals';
import { user } from '../auth/session.ts';
import { failureOf, holdWebLock, idOf, resumeSession } from './beginning.ts';
import { type Capture, capture } from './capture.ts';
import { ChunkRecorder, type Position } from './chunk-recorder.ts';
import { holdLock } from './lock.ts';
import {
  MicrophoneError,
  microphones,
  openComputerSound,
  openMicrophone,
  releaseStream,
  watchMicrophones,
} from './microphone.ts';
import {
  addPart,
  changeChunk,
  changeRecording,
  dropChunk,
  dropRecording,
  putChunk,
  putNote,
  putRecording,
  type RecordingNote,
} from './store.ts';
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
  readonly minSpeakers: number | undefined;
  readonly maxSpeakers: number | undefined;
  /** Whether the sound of the computer is recorded too, as a second channel. */
  readonly withComputer: boolean;
  /** Undefined: the user's defaults. */
  readonly prompt: string | undefined;
  readonly hotwords: string | undefined;
  /** Set if the recording goes on with this session. The options are those of the session then. */
  readonly sessionId?: string | undefined;
}

interface Active {
  readonly id: string;
  /** Number of its first chunk. */
  readonly firstNumber: number;
  readonly computer: MediaStream | undefined;
  capture: Capture;
  recorder: ChunkRecorder | undefined;
  nextNumber: number;
  /** Where the recording was suspended. */
  suspendedAt: Position;
  /** The note about the interruption that has suspended it. */
  interruption: RecordingNote | undefined;
  /** performance.now() at that moment. */
  interruptedAtMs: number;
  /** performance.now() when it resumed last. */
  resumedAtMs: number;
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

/** Seconds recorded so far. */
export const elapsedSeconds = (): number =>
  active === undefined
    ? 0
    : active.previousSeconds + (active.runningSinceMs === undefined ? 0 : (performance.now() - active.runningSinceMs) / 1000);
/** Level of the microphone, 0 to 1; undefined while suspended, or while the browser measures nothing. */
export const level = (): number | undefined => (active?.runningSinceMs === undefined ? undefined : active.capture.level());
/** The time of the recording at this moment; undefined without a recording. */
const position = (): Position | undefined => active && (active.recorder?.position() ?? active.suspendedAt);

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
  mine.recorder = new ChunkRecorder(mine.capture.stream, mine.nextNumber, {
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
}

/** Captures a microphone, with the sound of the computer if there is one. */
function captureWith(microphone: MediaStream, computer: MediaStream | undefined): Capture {
  const opened = capture(microphone, computer, () => {
    if (active?.capture === opened) void interrupt('The microphone was disconnected.');
  });
  return opened;
}

/** Ends the current chunk and releases the microphone. */
async function suspend(mine: Active): Promise<void> {
  if (mine.runningSinceMs !== undefined) mine.previousSeconds = elapsedSeconds();
  mine.runningSinceMs = undefined;
  const { recorder, capture } = mine;
  mine.suspendedAt = recorder?.position() ?? mine.suspendedAt;
  mine.recorder = undefined;
  mine.suspended = mine.suspended.then(async () => {
    await recorder?.stop();
    capture.release();
  });
  await mine.suspended;
  await mine.writing;
}

/** Stores a note of the recording and sends it. */
async function note({ id }: Active, written: Omit<RecordingNote, 'id'> & { readonly id?: string }): Promise<RecordingNote> {
  const stored = { id: crypto.randomUUID(), ...written };
  await putNote(id, stored);
  await refreshRecordings();
  sendRecording(id);
  return stored;
}

/** Writes a note of the user. `from`: when they began to write it; undefined: now. */
export async function addNote(text: string, from: NotePosition | undefined = notePosition()): Promise<void> {
  if (active !== undefined && from !== undefined) await note(active, { ...from, kind: 'note', text });
}

/** A time of the recording, as notes store it. */
export type NotePosition = Pick<RecordingNote, 'chunkNumber' | 'seconds' | 'at'>;
export function notePosition(): NotePosition | undefined {
  const now = position();
  return now && { chunkNumber: now.n, seconds: Math.round(1000 * now.seconds) / 1000, at: elapsedSeconds() };
}

export async function rename(title: string): Promise<void> {
  const { id } = active ?? {};
  if (id === undefined) return;
  await changeRecording(id, { title, isTitleNew: true });
  await refreshRecordings();
  sendRecording(id);
}

/** Ends the chunk after a fault, and continues with the next microphone, if there is one. */
async function interrupt(reason: string): Promise<void> {
  const mine = active;
  if (mine === undefined || phase.value !== 'recording') return;
  const at = notePosition();
  mine.interruptedAtMs = performance.now();
  mine.interruption = at && { ...at, id: crypto.randomUUID(), kind: 'interruption', text: reason };
  phase.value = 'lost';
  problem.value = `${reason} The recording continues as soon as there is a microphone.`;
  await suspend(mine);
  if (mine.interruption !== undefined) await note(mine, mine.interruption);
  await resumeAlone();
}

/** A recording that is lost sooner after it has resumed waits for the user. */
const SHORTEST_RECORDING_MS = 3000;

/** Resumes a lost recording without the user, if there is a microphone. */
async function resumeAlone(): Promise<void> {
  const mine = active;
  // A microphone that fails at once must not be opened again and again.
  const isTooSoon = mine !== undefined && performance.now() - mine.resumedAtMs < SHORTEST_RECORDING_MS;
  if (phase.value === 'lost' && !isTooSoon && (await microphones()).length > 0) await resume(undefined);
}

/** Says in the note about an interruption how long it took. */
async function endInterruption(mine: Active): Promise<void> {
  const { interruption, capture, interruptedAtMs } = mine;
  mine.interruption = undefined;
  if (interruption === undefined) return;
  const seconds = Math.max(1, Math.round((performance.now() - interruptedAtMs) / 1000));
  const by = capture.label === '' ? 'The recording continues' : `It continues with ${capture.label}`;
  const { isSent: _sent, ...again } = interruption;
  await note(mine, { ...again, lostSeconds: seconds, text: `${interruption.text} ${by}, ${seconds} s later.` });
}

/** Starts a recording. A failure is shown in `problem`. */
export async function start({ deviceId, withComputer, sessionId, ...options }: RecordingOptions): Promise<void> {
  const { value: owner } = user;
  if (phase.value !== 'idle' || !owner) return;
  phase.value = 'starting';
  problem.value = '';
  let [microphone, computer]: (MediaStream | undefined)[] = [];
  let releaseWebLock = (): void => undefined;
  let storedId: string | undefined;
  try {
    if (withComputer) computer = await openComputerSound(); // first: the browser's dialog needs the click
    microphone = await openMicrophone(deviceId);
    const id = idOf(sessionId);
    navigator.storage?.persist?.().catch(() => false); // not awaited: some browsers ask the user
    const kept =
      sessionId === undefined
        ? { ...options, resumptions: 0, ...(withComputer && { channels: 'separate' as const, diarize: false }) }
        : await resumeSession(id, sessionId);
    const firstNumber = 'firstNumber' in kept ? kept.firstNumber : 1;
    releaseWebLock = await holdWebLock(id);
    await putRecording({ ...kept, id, userId: owner.userId, startedAtMs: Date.now(), phase: 'recording' });
    storedId = id;
    if (sessionId !== undefined) sessionStorage.removeItem(sessionId);
    active = {
      id,
      firstNumber,
      computer,
      capture: captureWith(microphone, computer),
      recorder: undefined,
      nextNumber: firstNumber,
      suspendedAt: { n: firstNumber, seconds: 0 },
      interruption: undefined,
      interruptedAtMs: 0,
      resumedAtMs: 0,
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
    watchComputer(active);
    phase.value = 'recording';
    sendRecording(id); // creates the session: the machine boots while the first chunk is recorded
    void keepScreenOn();
    await refreshRecordings(owner.userId);
  } catch (error) {
    problem.value = failureOf(error);
    phase.value = 'idle';
    recordingId.value = undefined;
    releaseStream(microphone);
    releaseStream(computer);
    releaseWebLock();
    active = undefined;
    if (storedId !== undefined) {
      await changeRecording(storedId, { phase: 'stopped' });
      sendRecording(storedId); // completes the session, if it has one
    }
  }
}

/** The second channel is silent from the moment on when the user stops sharing. */
function watchComputer(mine: Active): void {
  for (const track of mine.computer?.getAudioTracks() ?? [])
    track.onended = () => {
      const at = notePosition();
      if (active === mine && at !== undefined)
        void note(mine, { ...at, kind: 'interruption', text: 'The sound of the computer is no longer recorded.' });
    };
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
    const microphone = await openMicrophone(deviceId);
    await mine.suspended; // the next chunk's number depends on whether the previous one has audio
    if (active !== mine || !isSuspended.value) {
      releaseStream(microphone); // the user has pressed Stop meanwhile
      return;
    }
    mine.capture = captureWith(microphone, mine.computer);
    mine.resumedAtMs = performance.now();
    startRecorder(mine);
    problem.value = '';
    phase.value = 'recording';
    await endInterruption(mine);
  } catch (error) {
    if (isSuspended.value) mine.capture.release();
    problem.value = error instanceof MicrophoneError ? error.message : 'The microphone cannot be used.';
  } finally {
    mine.isOpening = false;
  }
}

/** Changes the microphone of an active recording; nothing is lost in between. */
export async function changeMicrophone(deviceId: string | undefined): Promise<void> {
  const mine = active;
  if (mine === undefined || mine.isOpening || phase.value !== 'recording') return;
  mine.isOpening = true;
  try {
    const microphone = await openMicrophone(deviceId);
    if (active !== mine || phase.value !== 'recording') {
      releaseStream(microphone);
      return;
    }
    const before = mine.capture;
    mine.capture = captureWith(microphone, mine.computer);
    await mine.recorder?.continueWith(mine.capture.stream);
    before.release();
  } catch (error) {
    problem.value = error instanceof MicrophoneError ? error.message : 'The microphone cannot be used.';
  } finally {
    mine.isOpening = false;
    void resumeAlone(); // the microphone before may have been lost meanwhile
  }
}

/** Stops the recording. Returns its id on this device, or undefined when nothing was recorded. */
export async function stop(): Promise<string | undefined> {
  const mine = active;
  if (mine === undefined || phase.value === 'stopping') return undefined;
  phase.value = 'stopping';
  await suspend(mine);
  const { id } = mine;
  const isEmpty = mine.nextNumber === mine.firstNumber;
  const stored = await changeRecording(id, { phase: 'stopped' });
  if (isEmpty && stored?.sessionId === undefined) await dropRecording(id);
  mine.stopRenewingLock?.();
  releaseStream(mine.computer);
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
watchMicrophones(() => void resumeAlone());
addEventListener('beforeunload', (event) => {
  const isUnsent = recordings.value.some(
    ({ lost, chunks }) => lost === undefined && chunks.some(({ state }) => state === 'recorded'),
  );
  if (isActive.value || isUnsent) event.preventDefault();
});
