/** The speakers of a file as its user has changed them. The changes are stored beside its text, which stays as detected. */
import type { JobRow } from '../contracts/jobs.ts';
import type { FileTranscript, StoredFileTranscript } from '../contracts/transcript.ts';
import { DomainError } from '../errors.ts';
import type { Detected } from '../transcripts/people.ts';
import type { SpokenTranscript } from '../transcripts/save-speakers.ts';
import { withChangedSpeakers } from '../transcripts/with-speakers.ts';
import type { FileObjects } from './ports.ts';

/** The speakers of a stored text. Texts of older versions have labels only: each counts as a channel with the same number. */
function detectedOf({ speakers, segments }: StoredFileTranscript): readonly Detected[] {
  if (speakers !== undefined) return speakers;
  const labels = new Set(segments.flatMap(({ speaker }) => speaker ?? []));
  return [...labels].map((label) => ({ label, channel: Number(label.slice(1)) }));
}

/** The text of a completed job as it is stored. @throws DomainError `not-ready` for other jobs */
async function storedText(files: Pick<FileObjects, 'readTranscript'>, job: JobRow): Promise<StoredFileTranscript> {
  const transcript = job.status === 'completed' ? await files.readTranscript(job) : undefined;
  if (transcript === undefined)
    throw new DomainError('not-ready', `the job is ${job.status}; its transcript is available once it is completed`);
  return transcript;
}

/** The text of a job with its speakers as its user has changed them. `isStored`: it is stored exactly like this. */
export async function shownText(
  files: Pick<FileObjects, 'readTranscript' | 'readEdits'>,
  job: JobRow,
): Promise<{ readonly transcript: FileTranscript; readonly isStored: boolean }> {
  const stored = await storedText(files, job);
  const detected = detectedOf(stored);
  if (detected.length === 0) return { transcript: stored, isStored: true };
  const changes = (await files.readEdits(job))?.speakers;
  const { speakers, ...transcript } = stored;
  if (changes === undefined) return { transcript, isStored: speakers === undefined };
  const segments = withChangedSpeakers(transcript.segments, detected, changes);
  return { transcript: { ...transcript, segments }, isStored: false };
}

interface FileSpeakerDeps {
  readonly files: Pick<FileObjects, 'readTranscript' | 'readEdits' | 'writeEdits'>;
  readonly newUlid: () => string;
}

/** The transcript of a job, to change its speakers. @throws DomainError `not-ready` if it is not completed */
export async function spokenFile({ files, newUlid }: FileSpeakerDeps, job: JobRow): Promise<SpokenTranscript> {
  return {
    detected: detectedOf(await storedText(files, job)),
    readEdits: () => files.readEdits(job),
    writeEdits: (changes, replaces) => files.writeEdits(job, changes, replaces),
    newId: newUlid,
  };
}
