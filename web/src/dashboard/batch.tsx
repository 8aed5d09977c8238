import { useState } from 'preact/hooks';
import type { CallResult } from '../../../core/contracts/calls/client.ts';
import { api } from '../api/client.ts';
import { bytes, dateTime, plural, span, usd } from '../ui/format.ts';
import { LoadState } from '../ui/load-state.tsx';
import { Empty, TableBox, Tag, type Tone } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import type { Act } from './now.tsx';

type Run = CallResult<'GET /api/batch/runs'>['runs'][number];
const TONES: Readonly<Record<string, Tone>> = { success: 'good', partial: 'warn', failed: 'bad', skipped: '' };
const REFRESH = { everySeconds: 3 };

const State = ({ run }: { readonly run: Run }) =>
  run.state === 'finished' ? (
    <Tag tone={TONES[run.status ?? ''] ?? ''}>{run.status ?? 'finished'}</Tag>
  ) : (
    <Tag tone="busy">{run.state}</Tag>
  );

function Report({ id, state }: { readonly id: string; readonly state: string }) {
  const loaded = useLoaded(
    `run ${id} ${state}`,
    () => api('GET /api/batch/runs/{id}', { path: { id } }),
    state === 'finished' ? undefined : REFRESH,
  );
  if (loaded.error || loaded.value === undefined) return <LoadState loaded={loaded} what="The report" />;
  const { report, scan, dryRun } = loaded.value;
  if (report === undefined)
    return (
      <p class="small">
        {scan
          ? `${plural(scan.sessionsScanned, 'recording')} scanned, ${plural(scan.totalMissingChunks, 'chunk')} missing.`
          : 'The batch is scanning.'}
        {dryRun ? ' A dry run changes nothing and has no report.' : ' The report is written at the end.'}
      </p>
    );
  const { gpu, transcription, performance } = report;
  return (
    <div class="stack" data-testid="report">
      {report.reason && <p class="small">{report.reason}</p>}
      <dl class="facts">
        <div>
          <dt>Recordings scanned</dt>
          <dd>{report.scan.sessionsScanned}</dd>
        </div>
        <div>
          <dt>Missing chunks</dt>
          <dd>{report.scan.totalMissingChunks}</dd>
        </div>
        <div>
          <dt>Transcribed</dt>
          <dd>
            {transcription.chunksTranscribed} ({bytes(transcription.totalSizeBytes)})
          </dd>
        </div>
        <div>
          <dt>Failed</dt>
          <dd>{transcription.chunksFailed}</dd>
        </div>
        <div>
          <dt>Left for the next run</dt>
          <dd>{report.chunksLeft}</dd>
        </div>
        <div>
          <dt>GPU</dt>
          <dd>
            {gpu.weStartedIt
              ? `${span(gpu.runtimeSeconds)}, ${usd(gpu.costUSD)}`
              : gpu.wasRunning
                ? 'already running'
                : 'not started'}
          </dd>
        </div>
        <div>
          <dt>Scan, GPU startup, transcription</dt>
          <dd>
            {span(performance.scanDurationSeconds)}, {span(performance.gpuStartupSeconds)},{' '}
            {span(performance.transcribeDurationSeconds)}
          </dd>
        </div>
        <div>
          <dt>Total</dt>
          <dd>{span(performance.totalDurationSeconds)}</dd>
        </div>
      </dl>
    </div>
  );
}

function RunRow({ run, isOpen, toggle }: { readonly run: Run; readonly isOpen: boolean; toggle(): void }) {
  return (
    <>
      <tr data-testid="run">
        <th scope="row">
          {dateTime(run.startedAt)}
          {run.dryRun && <span class="small soft"> dry run</span>}
        </th>
        <td>
          <State run={run} />
        </td>
        <td>{run.trigger === 'manual' ? 'manual' : 'schedule'}</td>
        <td class="number">{run.scan?.totalMissingChunks ?? '–'}</td>
        <td>
          <button type="button" class="button quiet" aria-expanded={isOpen} onClick={toggle}>
            Report<span class="visually-hidden"> of {dateTime(run.startedAt)}</span>
          </button>
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={5}>
            <Report id={run.id} state={run.state} />
          </td>
        </tr>
      )}
    </>
  );
}

/** The batch: starting a run, the schedule, and the runs with their reports. */
export function Batch({ act }: { readonly act: Act }) {
  const runs = useLoaded('runs', () => api('GET /api/batch/runs', { query: { limit: 20 } }), REFRESH);
  const [open, setOpen] = useState<string | undefined>();
  const begin = (dryRun: boolean): void =>
    act(async () => {
      const run = await api('POST /api/batch/runs', { body: { dryRun } });
      await runs.reload();
      setOpen(run.id);
    });
  const { value } = runs;
  return (
    <section class="card" aria-labelledby="batch-title">
      <div class="row apart">
        <h2 id="batch-title">Batch</h2>
        <div class="row">
          <button type="button" class="button primary" onClick={() => begin(false)}>
            Run now
          </button>
          <button type="button" class="button" onClick={() => begin(true)}>
            Dry run
          </button>
        </div>
      </div>
      {value && (
        <label class="switch">
          <input
            type="checkbox"
            checked={!value.paused}
            onChange={({ currentTarget }) => {
              const enabled = currentTarget.checked;
              act(async () => {
                await api('PUT /api/batch/schedule', { body: { enabled } });
                await runs.reload();
              });
            }}
          />
          <span>Runs on schedule</span>
        </label>
      )}
      <LoadState loaded={runs} what="The runs" />
      {value?.runs.length === 0 && (
        <Empty icon="clock">
          <p>No runs yet.</p>
        </Empty>
      )}
      {value !== undefined && value.runs.length > 0 && (
        <TableBox label="Runs">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Started</th>
                <th scope="col">State</th>
                <th scope="col">Triggered by</th>
                <th scope="col" class="number">
                  Missing
                </th>
                <th scope="col">
                  <span class="visually-hidden">Report</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {value.runs.map((run) => (
                <RunRow
                  key={run.id}
                  run={run}
                  isOpen={open === run.id}
                  toggle={() => setOpen(open === run.id ? undefined : run.id)}
                />
              ))}
            </tbody>
          </table>
        </TableBox>
      )}
    </section>
  );
}
