import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type * as z from 'zod';
import { FileAudio, Job, JobStatus, Peaks } from '../../../core/contracts/answers.ts';
import { FileTranscript } from '../../../core/contracts/transcript.ts';
import { call, callJson, callVoid, errorMessage } from '../api/client.ts';
import { JobCard } from '../files/job-card.tsx';
import { go } from '../route.ts';
import { bytes, dateTime, span } from '../ui/format.ts';
import { Failed, Loading, NOTHING_NEW, Notice } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { Player } from './player.ts';
import { RetranscribeDialog, type RetranscribeOptions } from './retranscribe-dialog.tsx';
import { TranscriptView } from './transcript-view.tsx';

const REFRESH = { everySeconds: 2, backsOff: true };

async function read(id: string) {
  const [transcript, peaks] = await Promise.all([
    callJson(FileTranscript, 'GET', `/api/transcriptions/${id}/transcript`),
    callJson(Peaks, 'GET', `/api/transcriptions/${id}/peaks`).catch(() => undefined),
  ]);
  return { transcript, peaks: peaks?.peaks ?? [] };
}

type Retranscription = NonNullable<z.infer<typeof Job>['retranscription']>;

/** Progress of a new transcription, or the reason why it failed. */
function RetranscriptionNotice({ job, cancel }: { readonly job: Retranscription; cancel(): void }) {
  if (job.status === 'failed')
    return (
      <Notice tone="warn">
        <p>The new transcription failed ({job.error}). This is the previous text.</p>
      </Notice>
    );
  return (
    <Notice tone="busy">
      <p>
        The file is being transcribed again with {job.model}: {job.stage}, {job.progress.toFixed(0)} %. Until it is done, the
        previous text is shown.
      </p>
      <button type="button" class="button" onClick={cancel}>
        Cancel
      </button>
    </Notice>
  );
}

/** A file: its progress, then its audio and text. */
export function FilePage({ id }: { readonly id: string }) {
  const [isOver, setOver] = useState(false);
  const [failed, setFailed] = useState('');
  const job = useLoaded(
    `job ${id} ${isOver}`,
    () => callJson(JobStatus, 'GET', `/api/transcriptions/${id}/status`),
    isOver ? undefined : REFRESH,
  );
  const { value } = job;
  const isCompleted = value?.status === 'completed';
  const retranscribing = value?.retranscribing === true;
  const [isDialogOpen, setDialogOpen] = useState(false);
  useEffect(() => {
    const isOpen = value === undefined || value.status === 'pending' || value.status === 'processing';
    if (!isOpen) setOver(!retranscribing);
  }, [value]);
  // The current text stays until the new one is loaded.
  const text = useLoaded(`text ${id} ${isCompleted} ${retranscribing}`, async () => (isCompleted ? read(id) : undefined));
  const lastText = useRef<Awaited<ReturnType<typeof read>> | undefined>(undefined);
  lastText.current = text.value ?? lastText.current;
  const shown = lastText.current;
  const player = useMemo(
    () =>
      new Player(async () => {
        const { url } = await callJson(FileAudio, 'GET', `/api/transcriptions/${id}/audio`);
        return [{ start: 0, end: value?.durationSeconds ?? Number.POSITIVE_INFINITY, url, isChunk: false }];
      }),
    [id, value?.durationSeconds],
  );
  useEffect(() => () => player.close(), [player]);

  if (value === undefined)
    return job.error ? <Failed what={job.error} retry={() => void job.reload()} /> : <Loading what="The file" />;
  const act = (work: () => Promise<unknown>): void => {
    setFailed('');
    work().then(
      () => {
        setOver(false);
        void job.reload();
      },
      (error: unknown) => setFailed(errorMessage(error)),
    );
  };
  const retranscribe = async (options: RetranscribeOptions): Promise<void> => {
    await callJson(Job, 'POST', `/api/transcriptions/${id}/retranscribe`, options);
    setOver(false);
    await job.reload();
  };
  return (
    <>
      <div class="row apart">
        <div class="grow">
          <h1>{value.filename}</h1>
          <p class="small soft">
            {dateTime(value.createdAt)} · {bytes(value.sizeBytes)}
            {value.durationSeconds !== undefined && ` · ${span(value.durationSeconds)}`} · {value.model}
          </p>
        </div>
        {isCompleted && !retranscribing && (
          <button type="button" class="button" onClick={() => setDialogOpen(true)}>
            Transcribe again
          </button>
        )}
      </div>
      {failed && <Failed what={failed} />}
      {job.hasStopped && <Failed what={NOTHING_NEW} retry={() => void job.reload()} />}
      {!isCompleted && (
        <div class="card">
          <JobCard
            job={value}
            act={{
              cancel: () => act(() => callJson(Job, 'POST', `/api/transcriptions/${id}/cancel`, {})),
              retry: () => act(() => callJson(Job, 'POST', `/api/transcriptions/${id}/retry`, {})),
              remove: () =>
                void callVoid('DELETE', `/api/transcriptions/${id}`).then(
                  () => go('files'),
                  (error: unknown) => setFailed(errorMessage(error)),
                ),
            }}
          />
        </div>
      )}
      {value.retranscription && (
        <RetranscriptionNotice
          job={value.retranscription}
          cancel={() => act(() => callJson(Job, 'POST', `/api/transcriptions/${id}/cancel`, {}))}
        />
      )}
      {isDialogOpen && (
        <RetranscribeDialog
          model={value.model}
          language={value.language}
          submit={retranscribe}
          close={() => setDialogOpen(false)}
        />
      )}
      {isCompleted && text.error && <Failed what={text.error} retry={() => void text.reload()} />}
      {isCompleted && shown === undefined && !text.error && <Loading what="The text" />}
      {shown && (
        <TranscriptView
          transcript={shown.transcript}
          player={player}
          peaks={shown.peaks}
          name={value.filename.replace(/\.[^.]+$/, '')}
          load={async (format) => (await call('GET', `/api/transcriptions/${id}/transcript?format=${format}`)).text()}
        />
      )}
    </>
  );
}
