import { useEffect, useRef, useState } from 'preact/hooks';
import { FILE_TYPE_OF_EXTENSION } from '../../../core/contracts/media.ts';
import { recordedOr } from '../../../core/contracts/recorded.ts';
import { api, errorMessage } from '../api/client.ts';
import { user } from '../auth/session.ts';
import { config } from '../config.ts';
import { pathTo } from '../route.ts';
import { bytes, dateTime, percent } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { defaultModel, LanguageField } from '../ui/language-field.tsx';
import { LoadState } from '../ui/load-state.tsx';
import { OlderButton } from '../ui/older-button.tsx';
import { OrderField, useOrder } from '../ui/order.tsx';
import { Empty, Notice, Tag, useConfirmation } from '../ui/parts.tsx';
import { SpeakerCountFields, type SpeakerCounts } from '../ui/speaker-counts.tsx';
import { Switch } from '../ui/switch.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { type ListPage, useOlder } from '../ui/use-older.ts';
import { JobCard, JobState, type JobView } from './job-card.tsx';
import { add, cancelUpload, finished, rejectionReason, resumeUploads, type UploadView, uploads } from './uploads.ts';

const REFRESH = { everySeconds: 2, backsOff: true };
const PAGE = 50;
const ACCEPT = [...Object.keys(FILE_TYPE_OF_EXTENSION).map((extension) => `.${extension}`), 'audio/*', 'video/*'].join(',');

const UPLOAD_STATES = {
  sending: 'uploading',
  waiting: 'waiting for the connection',
  'needs-file': 'choose the file again',
  failed: 'failed',
} as const;

function Upload({ upload }: { readonly upload: UploadView }) {
  const { filename, sizeBytes, sentBytes, state, error } = upload;
  const isActive = state === 'sending' || state === 'waiting';
  return (
    <li class="job" data-testid="upload">
      <div class="row apart">
        <strong class="cut grow">{filename}</strong>
        <Tag tone={state === 'failed' ? 'bad' : state === 'needs-file' ? 'warn' : 'busy'}>{UPLOAD_STATES[state]}</Tag>
      </div>
      {isActive && (
        <>
          <progress class="progress" max={sizeBytes} value={sentBytes} aria-label={`Upload of ${filename}`} />
          <p class="small soft numbers">
            {bytes(sentBytes)} of {bytes(sizeBytes)} · {percent(Math.min(1, sentBytes / sizeBytes))}
          </p>
        </>
      )}
      {state === 'needs-file' && (
        <p class="small">
          The page was reloaded and the browser did not keep the file. Choose the file again to continue the upload.
        </p>
      )}
      {error && state !== 'sending' && <p class="small">{error}</p>}
      <div class="row">
        <button type="button" class="button" onClick={() => void cancelUpload(upload)}>
          {isActive ? 'Cancel' : 'Remove'}
        </button>
      </div>
    </li>
  );
}

function DropZone({ add }: { add(files: readonly File[]): void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same
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
        add([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <p>Drop audio or video files here, up to 24 hours and 5 GiB each.</p>
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
          add([...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
    </div>
  );
}

function JobRow({ job, changed, fail }: { readonly job: JobView; changed(): void; fail(reason: string): void }) {
  const { confirm, dialog } = useConfirmation();
  const act = (work: () => Promise<unknown>): void => void work().then(changed, (error: unknown) => fail(errorMessage(error)));
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
        {dateTime(recordedOr(job))} · {bytes(job.sizeBytes)}
        {job.retranscribing && ' · being transcribed again'}
        {job.sameAs && ' · same content as another file, transcribed once'}
      </p>
      <JobCard
        job={job}
        act={{
          cancel: () => act(() => api('POST /api/transcriptions/{id}/cancel', { path: { id } })),
          retry: () => act(() => api('POST /api/transcriptions/{id}/retry', { path: { id } })),
          remove: () =>
            confirm({
              title: 'Delete this file?',
              text: `${job.filename}, its audio and its text are permanently deleted.`,
              button: 'Delete',
              yes: () => act(() => api('DELETE /api/transcriptions/{id}', { path: { id } })),
            }),
        }}
      />
      {dialog}
    </li>
  );
}

async function pageOf(after?: string): Promise<ListPage<JobView>> {
  const { jobs, cursor } = await api('GET /api/transcriptions', { query: { limit: PAGE, cursor: after } });
  return { items: jobs, cursor };
}

/** Whole files: upload, progress and the list. */
export function FilesPage(_: { readonly id: string }) {
  const [language, setLanguage] = useState('');
  const [isUrgent, setUrgent] = useState(false);
  const [diarize, setDiarize] = useState(false);
  const [counts, setCounts] = useState<SpeakerCounts>({});
  const [separate, setSeparate] = useState(false);
  const [errors, setErrors] = useState<readonly string[]>([]);
  const userId = user.value?.userId ?? '';
  useEffect(() => void resumeUploads(userId), [userId]);
  const jobs = useLoaded(`jobs ${finished.value}`, () => pageOf(), REFRESH);
  const older = useOlder(jobs.value, pageOf);
  const mine = uploads.value.filter((upload) => upload.userId === userId);
  const sending = new Set(mine.map(({ jobId }) => jobId));
  const { items, ...order } = useOrder(older);
  const listed = items.filter(({ id }) => !sending.has(id));

  const changed = (): void => {
    older.reset();
    void jobs.reload();
  };
  const addFiles = (files: readonly File[]): void => {
    const rejections = files.map(rejectionReason);
    setErrors(rejections.filter((reason) => reason !== undefined));
    for (const [i, file] of files.entries())
      if (rejections[i] === undefined)
        void add(file, {
          ...{ language: language || undefined, priority: isUrgent ? ('urgent' as const) : ('normal' as const) },
          ...{ diarize, separate, ...counts },
        });
  };

  return (
    <>
      <h1>Files</h1>
      <DropZone add={addFiles} />
      <div class="row">
        <LanguageField value={language} model={defaultModel()} change={setLanguage} />
        <Switch checked={isUrgent} change={setUrgent}>
          Urgent: before other files
        </Switch>
        {config().canDiarize && (
          <Switch checked={diarize} disabled={separate} change={setDiarize}>
            Identify speakers
          </Switch>
        )}
        <Switch checked={separate} disabled={diarize} change={setSeparate}>
          Each channel is one speaker
        </Switch>
      </div>
      {diarize && (
        <div class="row">
          <SpeakerCountFields counts={counts} change={setCounts} />
        </div>
      )}
      {errors.length > 0 && (
        <Notice tone="bad">
          <p>{errors.join(' ')}</p>
        </Notice>
      )}
      {mine.length > 0 && (
        <section class="stack" aria-labelledby="uploads-title">
          <h2 id="uploads-title">Uploading</h2>
          <ul class="list">
            {mine.map((upload) => (
              <Upload key={upload.id} upload={upload} />
            ))}
          </ul>
        </section>
      )}
      <LoadState loaded={jobs} what="The list" />
      {jobs.value !== undefined && listed.length === 0 && mine.length === 0 && !older.hasMore && (
        <Empty icon="file">
          <p>No files yet.</p>
        </Empty>
      )}
      {listed.length > 0 && (
        <section class="stack" aria-labelledby="jobs-title">
          <h2 id="jobs-title">Uploaded</h2>
          {listed.length > 1 && <OrderField {...order} />}
          <ul class="list">
            {listed.map((job) => (
              <JobRow key={job.id} job={job} changed={changed} fail={(reason) => setErrors([reason])} />
            ))}
          </ul>
        </section>
      )}
      <OlderButton {...older} label="Older files" />
    </>
  );
}
