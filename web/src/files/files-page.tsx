import { useEffect, useRef, useState } from 'preact/hooks';
import { Job, JobList } from '../../../core/contracts/answers.ts';
import { FILE_TYPE_OF_EXTENSION } from '../../../core/contracts/jobs.ts';
import { ask, inWords, tell } from '../api/client.ts';
import { user } from '../auth/session.ts';
import { config } from '../config.ts';
import { pathTo } from '../route.ts';
import { bytes, dateTime, percent } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Failed, Loading, NOTHING_NEW, Notice, Tag, useQuestion } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { JobCard, JobState, type JobView } from './job-card.tsx';
import { add, finished, giveUp, refusalOf, resumeUploads, type UploadView, uploads } from './uploads.ts';

const REFRESH = { everySeconds: 2, tires: true };
const ACCEPT = [...Object.keys(FILE_TYPE_OF_EXTENSION).map((extension) => `.${extension}`), 'audio/*'].join(',');

const UPLOAD_STATES = {
  sending: 'being sent',
  waiting: 'waits for the connection',
  'needs-file': 'choose the file again',
  failed: 'failed',
} as const;

function Upload({ upload }: { readonly upload: UploadView }) {
  const { filename, sizeBytes, sentBytes, state, error } = upload;
  const isGoing = state === 'sending' || state === 'waiting';
  return (
    <li class="job" data-testid="upload">
      <div class="row apart">
        <strong class="cut grow">{filename}</strong>
        <Tag tone={state === 'failed' ? 'bad' : state === 'needs-file' ? 'warn' : 'busy'}>{UPLOAD_STATES[state]}</Tag>
      </div>
      {isGoing && (
        <>
          <progress class="progress" max={sizeBytes} value={sentBytes} aria-label={`Upload of ${filename}`} />
          <p class="small soft numbers">
            {bytes(sentBytes)} of {bytes(sizeBytes)} · {percent(Math.min(1, sentBytes / sizeBytes))}
          </p>
        </>
      )}
      {state === 'needs-file' && (
        <p class="small">
          The page was reloaded and the browser did not keep the file. Choose it once more: the upload goes on where it was.
        </p>
      )}
      {error && state !== 'sending' && <p class="small">{error}</p>}
      <div class="row">
        <button type="button" class="button" onClick={() => void giveUp(upload)}>
          {isGoing ? 'Cancel' : 'Remove'}
        </button>
      </div>
    </li>
  );
}

function Drop({ add: take }: { add(files: readonly File[]): void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a way beside the button in it
    <div
      class={`drop ${isOver ? 'over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <p>Drop audio or film here: any length up to 24 hours, up to 5 GiB each.</p>
      <button type="button" class="button primary" onClick={() => input.current?.click()}>
        <Icon name="upload" />
        Choose files
      </button>
      <input
        ref={input}
        type="file"
        class="visually-hidden"
        tabIndex={-1}
        aria-label="Files to transcribe"
        multiple
        accept={ACCEPT}
        onChange={({ currentTarget }) => {
          take([...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
    </div>
  );
}

function JobRow({ job, changed, fail }: { readonly job: JobView; changed(): void; fail(why: string): void }) {
  const { ask: question, dialog } = useQuestion();
  const act = (work: () => Promise<unknown>): void => void work().then(changed, (error: unknown) => fail(inWords(error)));
  const { id, status } = job;
  return (
    <li class="job" data-testid="job">
      <div class="row apart">
        {status === 'completed' ? (
          <a class="cut grow" href={pathTo('files', id)}>
            <strong>{job.filename}</strong>
          </a>
        ) : (
          <strong class="cut grow">{job.filename}</strong>
        )}
        <JobState job={job} />
      </div>
      <p class="small soft">
        {dateTime(job.createdAt)} · {bytes(job.sizeBytes)}
        {job.sameAs && ' · the same content as another file: not transcribed twice'}
      </p>
      <JobCard
        job={job}
        act={{
          cancel: () => act(() => ask(Job, 'POST', `/api/transcriptions/${id}/cancel`, {})),
          retry: () => act(() => ask(Job, 'POST', `/api/transcriptions/${id}/retry`, {})),
          remove: () =>
            question({
              title: 'Delete this file?',
              text: `${job.filename}, its audio and its text are deleted for ever.`,
              button: 'Delete',
              yes: () => act(() => tell('DELETE', `/api/transcriptions/${id}`)),
            }),
        }}
      />
      {dialog}
    </li>
  );
}

/** Whole files: sent from here, followed, read. */
export function FilesPage(_: { readonly id: string }) {
  const [language, setLanguage] = useState('');
  const [isUrgent, setUrgent] = useState(false);
  const [diarize, setDiarize] = useState(false);
  const [said, setSaid] = useState<readonly string[]>([]);
  const userId = user.value?.userId ?? '';
  useEffect(() => void resumeUploads(userId), [userId]);
  const jobs = useLoaded(`jobs ${finished.value}`, () => ask(JobList, 'GET', '/api/transcriptions?limit=50'), REFRESH);
  const mine = uploads.value.filter((upload) => upload.userId === userId);
  const sending = new Set(mine.map(({ jobId }) => jobId));
  const listed = (jobs.value?.jobs ?? []).filter(({ id }) => !sending.has(id));

  const take = (files: readonly File[]): void => {
    const refused = files.map(refusalOf);
    setSaid(refused.filter((why) => why !== undefined));
    for (const [i, file] of files.entries())
      if (refused[i] === undefined)
        void add(file, { language: language || undefined, priority: isUrgent ? 'urgent' : 'normal', diarize });
  };

  return (
    <>
      <h1>Files</h1>
      <Drop add={take} />
      <div class="row">
        <div class="field">
          <label for="file-language">Language (two letters, empty: found out)</label>
          <input
            id="file-language"
            class="input"
            maxLength={3}
            pattern="[a-z]{2,3}"
            value={language}
            onInput={({ currentTarget }) => setLanguage(currentTarget.value.toLowerCase().replace(/[^a-z]/g, ''))}
          />
        </div>
        <label class="switch">
          <input type="checkbox" checked={isUrgent} onChange={({ currentTarget }) => setUrgent(currentTarget.checked)} />
          <span>In front of other files</span>
        </label>
        {config().canDiarize && (
          <label class="switch">
            <input type="checkbox" checked={diarize} onChange={({ currentTarget }) => setDiarize(currentTarget.checked)} />
            <span>Find out who speaks</span>
          </label>
        )}
      </div>
      {said.length > 0 && (
        <Notice tone="bad">
          <p>{said.join(' ')}</p>
        </Notice>
      )}
      {mine.length > 0 && (
        <section class="stack" aria-labelledby="uploads-title">
          <h2 id="uploads-title">Being sent</h2>
          <ul class="list">
            {mine.map((upload) => (
              <Upload key={upload.id} upload={upload} />
            ))}
          </ul>
        </section>
      )}
      {jobs.isGivenUp && <Failed what={NOTHING_NEW} again={() => void jobs.again()} />}
      {jobs.error && <Failed what={jobs.error} again={() => void jobs.again()} />}
      {jobs.value === undefined && !jobs.error && <Loading what="The list" />}
      {jobs.value !== undefined && listed.length === 0 && mine.length === 0 && (
        <Empty icon="file">
          <p>There is no file yet.</p>
        </Empty>
      )}
      {listed.length > 0 && (
        <section class="stack" aria-labelledby="jobs-title">
          <h2 id="jobs-title">Sent</h2>
          <ul class="list">
            {listed.map((job) => (
              <JobRow key={job.id} job={job} changed={() => void jobs.again()} fail={(why) => setSaid([why])} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
