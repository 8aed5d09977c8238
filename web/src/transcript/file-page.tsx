import { useEffect, useState } from 'preact/hooks';
import { recordedOr } from '../../../core/contracts/recorded.ts';
import type { FileTranscript } from '../../../core/contracts/transcript.ts';
import { api } from '../api/client.ts';
import { JobCard, type JobView } from '../files/job-card.tsx';
import { go } from '../route.ts';
import { bytes, dateTime, span } from '../ui/format.ts';
import { Failed, Loading, NOTHING_NEW, Notice } from '../ui/parts.tsx';
import { useAction } from '../ui/use-action.ts';
import { useLast } from '../ui/use-last.ts';
import { useLoaded } from '../ui/use-loaded.ts';
import { RetranscribeDialog, type RetranscribeOptions } from './retranscribe-dialog.tsx';
import { MissingNotice } from './session-status.tsx';
import { TranscriptView } from './transcript-view.tsx';
import { usePlayer } from './use-player.ts';

const REFRESH = { everySeconds: 2, backsOff: true };

async function read(id: string) {
  const [transcript, peaks] = await Promise.all([
    api('GET /api/transcriptions/{id}/transcript', { path: { id } }),
    api('GET /api/transcriptions/{id}/peaks', { path: { id } }).catch(() => undefined),
  ]);
  return { transcript, peaks: peaks?.peaks ?? [] };
}

type Retranscription = NonNullable<JobView['retranscription']>;

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

/** Changes the speakers of a text; undefined if it has none. */
const speakersOf = (id: string, { segments }: FileTranscript, reload: () => Promise<void>) =>
  segments.some(({ speaker }) => speaker !== undefined)
    ? {
        async nameSpeaker(speaker: string, name: string): Promise<void> {
          await api('PUT /api/transcriptions/{id}/speakers', { path: { id }, body: { speaker, name } });
          await reload();
        },
        async assignSpeaker({ start, end }: { start: number; end: number }, speaker: string): Promise<void> {
          await api('POST /api/transcriptions/{id}/speakers/assign', { path: { id }, body: { start, end, speaker } });
          await reload();
        },
      }
    : undefined;

/** A file: its progress, then its audio and text. */
export function FilePage({ id }: { readonly id: string }) {
  const [isOver, setOver] = useState(false);
  const { failure, run } = useAction();
  const job = useLoaded(
    `job ${id} ${isOver}`,
    () => api('GET /api/transcriptions/{id}/status', { path: { id } }),
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
  const shown = useLast(text.value);
  const player = usePlayer(async () => {
    const { url } = await api('GET /api/transcriptions/{id}/audio', { path: { id } });
    return [{ start: 0, end: value?.durationSeconds ?? Number.POSITIVE_INFINITY, url }];
  }, [id, value?.durationSeconds]);

  if (value === undefined)
    return job.error ? <Failed what={job.error} retry={() => void job.reload()} /> : <Loading what="The file" />;
  const act = (work: () => Promise<unknown>): void =>
    run(work, () => {
      setOver(false);
      void job.reload();
    });
  const cancel = (): void => act(() => api('POST /api/transcriptions/{id}/cancel', { path: { id } }));
  const retranscribe = async (options: RetranscribeOptions): Promise<void> => {
    await api('POST /api/transcriptions/{id}/retranscribe', { path: { id }, body: options });
    setOver(false);
    await job.reload();
  };
  return (
    <>
      <div class="row apart">
        <div class="grow">
          <h1>{value.filename}</h1>
          <p class="small soft">
            {dateTime(recordedOr(value))} · {bytes(value.sizeBytes)}
            {value.durationSeconds !== undefined && ` · ${span(value.durationSeconds)}`} · {value.model}
          </p>
        </div>
        {isCompleted && !retranscribing && (
          <button type="button" class="button" onClick={() => setDialogOpen(true)}>
            Transcribe again
          </button>
        )}
      </div>
      {failure && <Failed what={failure} />}
      {job.hasStopped && <Failed what={NOTHING_NEW} retry={() => void job.reload()} />}
      {!isCompleted && (
        <div class="card">
          <JobCard
            job={value}
            act={{
              cancel,
              retry: () => act(() => api('POST /api/transcriptions/{id}/retry', { path: { id } })),
              remove: () =>
                run(
                  () => api('DELETE /api/transcriptions/{id}', { path: { id } }),
                  () => go('files'),
                ),
            }}
          />
        </div>
      )}
      {value.retranscription && <RetranscriptionNotice job={value.retranscription} cancel={cancel} />}
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
      {shown && <MissingNotice transcript={shown.transcript} />}
      {shown && (
        <TranscriptView
          transcript={shown.transcript}
          player={player}
          peaks={shown.peaks}
          name={value.filename.replace(/\.[^.]+$/, '')}
          editing={speakersOf(id, shown.transcript, text.reload)}
          load={(format) => api.bytes('GET /api/transcriptions/{id}/transcript', { path: { id }, query: { format } })}
        />
      )}
    </>
  );
}
