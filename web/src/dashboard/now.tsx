import type { CallResult } from '../../../core/contracts/calls/client.ts';
import { api } from '../api/client.ts';
import { dateTime, percent, plural, span, usd } from '../ui/format.ts';
import { Notice, TableBox, Tag, type Tone, useConfirmation } from '../ui/parts.tsx';

export type OverviewView = CallResult<'GET /api/overview'>;
/** Runs an action, then shows `done` or the error. */
export type Act = (work: () => Promise<unknown>, done?: string) => void;

const LANES: Readonly<Record<string, string>> = {
  stop: 'After Stop',
  live: 'Live',
  'files-urgent': 'Urgent files',
  files: 'Files',
  backlog: 'Batch',
};
const MACHINE: Readonly<Record<string, Tone>> = { running: 'good', pending: 'busy', stopping: 'busy', stopped: '' };
const WAIT_REASONS = {
  capacity: 'no EC2 capacity',
  budget: 'the daily budget is used up',
  failures: 'runs have failed',
} as const;

const holderOf = (holder: string): string =>
  holder.startsWith('person:') ? 'an admin' : holder === 'adopted' ? 'started outside Chunkscribe' : 'a run';
const uptime = (since: string | undefined): string => (since === undefined ? '–' : span((Date.now() - Date.parse(since)) / 1000));

/** Pending chunks and the queues. */
export function Queues({ overview }: { readonly overview: OverviewView }) {
  const { pending, queues, oldestSeconds } = overview;
  return (
    <section class="card" aria-labelledby="waiting-title">
      <div class="row apart">
        <h2 id="waiting-title">Queued now</h2>
        <Tag tone={pending.chunks === 0 ? 'good' : 'busy'}>
          {plural(pending.chunks, 'chunk')} of {plural(pending.sessions, 'recording or file', 'recordings and files')}
        </Tag>
      </div>
      <TableBox label="Queues">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Lane</th>
              <th scope="col" class="number">
                Messages
              </th>
              <th scope="col" class="number">
                Oldest
              </th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(LANES).map(([lane, name]) => {
              const oldest = Object.entries(oldestSeconds).find(([known]) => known === lane)?.[1];
              return (
                <tr key={lane}>
                  <th scope="row">{name}</th>
                  <td class="number">{Object.entries(queues).find(([known]) => known === lane)?.[1] ?? 0}</td>
                  <td class="number">{oldest === undefined ? '–' : span(oldest)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </TableBox>
    </section>
  );
}

/** The GPU machines: state, uptime and holders, and the buttons to start and stop them. */
export function Machines({ overview, act }: { readonly overview: OverviewView; readonly act: Act }) {
  const { gpu } = overview;
  const { confirm, dialog } = useConfirmation();
  const isUp = gpu.instances.some(({ state }) => state === 'running' || state === 'pending');
  return (
    <section class="card" aria-labelledby="machines-title">
      <div class="row apart">
        <h2 id="machines-title">GPU</h2>
        <Tag tone={isUp ? 'good' : ''}>{isUp ? 'running' : 'stopped'}</Tag>
      </div>
      {gpu.waitingFor && (
        <Notice tone="warn">
          <p>
            No machine is started: {WAIT_REASONS[gpu.waitingFor.reason]}. Next attempt at {dateTime(gpu.waitingFor.until)} at the
            latest.
          </p>
        </Notice>
      )}
      {gpu.failedRuns > 0 && (
        <Notice tone="bad">
          <p>
            {plural(gpu.failedRuns, 'run')} failed in a row{gpu.lastError ? `: ${gpu.lastError}` : '.'}
          </p>
        </Notice>
      )}
      <TableBox label="Machines">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Machine</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Uptime
              </th>
              <th scope="col">Held by</th>
            </tr>
          </thead>
          <tbody>
            {gpu.instances.map(({ instanceId, instanceType, state, runningSince, holders }) => (
              <tr key={instanceId}>
                <th scope="row">
                  <span class="mono">{instanceId}</span>
                  {instanceType && <span class="small soft"> {instanceType}</span>}
                </th>
                <td>
                  <Tag tone={MACHINE[state] ?? ''}>{state}</Tag>
                </td>
                <td class="number">{uptime(runningSince)}</td>
                <td>{holders.length === 0 ? '–' : holders.map(({ holder }) => holderOf(holder)).join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableBox>
      <p class="small soft">
        {gpu.run ? 'A run is active. ' : ''}
        {gpu.workerDevice !== undefined && `Newest work today: on the ${gpu.workerDevice === 'cuda' ? 'GPU' : 'CPU'}. `}
        {gpu.workerMemoryMb !== undefined && `Peak worker memory today: ${Math.round(gpu.workerMemoryMb)} MB. `}
        Live recording costs {usd(overview.live.usdPerRecordedHour)} an hour.
      </p>
      <div class="row">
        <button
          type="button"
          class="button"
          onClick={() => act(() => api('POST /api/gpu/start', { body: {} }), 'A machine is starting and is held for an hour.')}
        >
          Start for an hour
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            act(
              () => api('POST /api/gpu/stop', { body: {} }),
              'Your hold on the machines is released. Machines that a run holds keep running.',
            )
          }
        >
          Release my hold
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() =>
            confirm({
              title: 'Stop all machines?',
              text: 'Running work is interrupted and repeated later. Nothing is lost.',
              button: 'Stop all',
              yes: () => act(() => api('POST /api/gpu/stop', { body: { force: true } }), 'The machines are being stopped.'),
            })
          }
        >
          Force stop
        </button>
      </div>
      {dialog}
    </section>
  );
}

/** Cost and performance figures. */
export function Figures({ overview }: { readonly overview: OverviewView }) {
  const { cost, files } = overview;
  return (
    <section class="card" aria-labelledby="figures-title">
      <h2 id="figures-title">Today</h2>
      <dl class="facts">
        <div>
          <dt>GPU cost today</dt>
          <dd>{usd(cost.todayUsd)}</dd>
        </div>
        <div>
          <dt>Daily budget</dt>
          <dd>{usd(cost.dailyBudgetUsd)}</dd>
        </div>
        <div>
          <dt>This month</dt>
          <dd>{usd(cost.monthUsd)}</dd>
        </div>
        <div>
          <dt>GPU time today</dt>
          <dd>{span(cost.todayGpuSeconds)}</dd>
        </div>
        <div>
          <dt>File success rate</dt>
          <dd>{files.successRate === null ? '–' : percent(files.successRate)}</dd>
        </div>
        <div>
          <dt>Processing time per minute of audio</dt>
          <dd>{files.secondsPerAudioMinute === null ? '–' : `${files.secondsPerAudioMinute} s`}</dd>
        </div>
      </dl>
    </section>
  );
}
