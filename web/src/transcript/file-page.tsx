import { useEffect, useMemo, useState } from 'preact/hooks';
import { FileAudio, Job, JobStatus, Peaks } from '../../../core/contracts/answers.ts';
import { FileTranscript } from '../../../core/contracts/transcript.ts';
import { ask, call, inWords, tell } from '../api/client.ts';
import { JobCard } from '../files/job-card.tsx';
import { go } from '../route.ts';
import { bytes, dateTime, span } from '../ui/format.ts';
import { Failed, Loading, NOTHING_NEW } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { Player } from './player.ts';
import { TranscriptView } from './transcript-view.tsx';

const REFRESH = { everySeconds: 2, tires: true };

async function read(id: string) {
  const [transcript, peaks] = await Promise.all([
    ask(FileTranscript, 'GET', `/api/transcriptions/${id}/transcript`),
    ask(Peaks, 'GET', `/api/transcriptions/${id}/peaks`).catch(() => undefined),
  ]);
  return { transcript, peaks: peaks?.peaks ?? [] };
}

/** A file: how far it is, then its sound and its text. */
export function FilePage({ id }: { readonly id: string }) {
  const [isOver, setOver] = useState(false);
  const [failed, setFailed] = useState('');
  const job = useLoaded(
    `job ${id} ${isOver}`,
    () => ask(JobStatus, 'GET', `/api/transcriptions/${id}/status`),
    isOver ? undefined : REFRESH,
  );
  const { value } = job;
  const isCompleted = value?.status === 'completed';
  useEffect(() => {
    if (value !== undefined && value.status !== 'pending' && value.status !== 'processing') setOver(true);
  }, [value]);
  const text = useLoaded(`text ${id} ${isCompleted}`, async () => (isCompleted ? read(id) : undefined));
  const player = useMemo(
    () =>
      new Player(async () => {
        const { url } = await ask(FileAudio, 'GET', `/api/transcriptions/${id}/audio`);
        return [{ start: 0, end: value?.durationSeconds ?? Number.POSITIVE_INFINITY, url, isChunk: false }];
      }),
    [id, value?.durationSeconds],
  );
  useEffect(() => () => player.close(), [player]);

  if (value === undefined)
    return job.error ? <Failed what={job.error} again={() => void job.again()} /> : <Loading what="The file" />;
  const act = (work: () => Promise<unknown>): void => {
    setFailed('');
    work().then(
      () => {
        setOver(false);
        void job.again();
      },
      (why: unknown) => setFailed(inWords(why)),
    );
  };
  return (
    <>
      <div>
        <h1>{value.filename}</h1>
        <p class="small soft">
          {dateTime(value.createdAt)} · {bytes(value.sizeBytes)}
          {value.durationSeconds !== undefined && ` · ${span(value.durationSeconds)}`} · {value.model}
        </p>
      </div>
      {failed && <Failed what={failed} />}
      {job.isGivenUp && <Failed what={NOTHING_NEW} again={() => void job.again()} />}
      {!isCompleted && (
        <div class="card">
          <JobCard
            job={value}
            act={{
              cancel: () => act(() => ask(Job, 'POST', `/api/transcriptions/${id}/cancel`, {})),
              retry: () => act(() => ask(Job, 'POST', `/api/transcriptions/${id}/retry`, {})),
              remove: () =>
                void tell('DELETE', `/api/transcriptions/${id}`).then(
                  () => go('files'),
                  (why: unknown) => setFailed(inWords(why)),
                ),
            }}
          />
        </div>
      )}
      {isCompleted && text.error && <Failed what={text.error} again={() => void text.again()} />}
      {isCompleted && text.value === undefined && !text.error && <Loading what="The text" />}
      {text.value && (
        <TranscriptView
          transcript={text.value.transcript}
          player={player}
          peaks={text.value.peaks}
          name={value.filename.replace(/\.[^.]+$/, '')}
          load={async (format) => (await call('GET', `/api/transcriptions/${id}/transcript?format=${format}`)).text()}
        />
      )}
    </>
  );
}
