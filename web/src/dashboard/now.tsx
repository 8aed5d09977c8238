import type * as z from 'zod';
import { GpuStarted, GpuStopped, type Overview } from '../../../core/contracts/answers.ts';
import { ask } from '../api/client.ts';
import { dateTime, percent, plural, span, usd } from '../ui/format.ts';
import { Notice, TableBox, Tag, type Tone, useQuestion } from '../ui/parts.tsx';

export type OverviewView = z.infer<typeof Overview>;
/** Does something, and tells what went wrong. */
export type Act = (work: () => Promise<unknown>, done?: string) => void;

const LANES: Readonly<Record<string, string>> = {
  stop: 'After Stop',
  live: 'Live',
  'files-urgent': 'Urgent files',
  files: 'Files',
  backlog: 'Batch',
};
const MACHINE: Readonly<Record<string, Tone>> = { running: 'good', pending: 'busy', stopping: 'busy', stopped: '' };
const WAITS = {
  capacity: 'EC2 has no machine to give',
  budget: 'the budget of the day is spent',
  failures: 'runs have failed',
} as const;

const holderOf = (holder: string): string => (holder.startsWith('person:') ? 'a person' : 'a run');
const uptime = (since: string | undefined): string => (since === undefined ? '–' : span((Date.now() - Date.parse(since)) / 1000));

/** What waits, and for how long. */
export function Waiting({ overview }: { readonly overview: OverviewView }) {
  const { pending, queues, oldestSeconds } = overview;
  return (
    <section class="card" aria-labelledby="waiting-title">
      <div class="row apart">
        <h2 id="waiting-title">Waiting now</h2>
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

/** The GPU machines: what they do, for whom, since when; and by hand. */
export function Machines({ overview, act }: { readonly overview: OverviewView; readonly act: Act }) {
  const { gpu } = overview;
  const { ask: question, dialog } = useQuestion();
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
            No machine is started: {WAITS[gpu.waitingFor.reason]}. Next attempt at {dateTime(gpu.waitingFor.until)} at the latest.
          </p>
        </Notice>
      )}
      {gpu.failedRuns > 0 && (
        <Notice tone="bad">
          <p>
            {plural(gpu.failedRuns, 'run')} failed one after the other{gpu.lastError ? `: ${gpu.lastError}` : '.'}
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
                Up for
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
        {gpu.run ? 'A run serves the lanes. ' : ''}
        {gpu.workerMemoryMb !== undefined && `The worker has used ${Math.round(gpu.workerMemoryMb)} MB of memory at most today. `}
        Live recording costs {usd(overview.live.usdPerRecordedHour)} an hour.
      </p>
      <div class="row">
        <button
          type="button"
          class="button"
          onClick={() => act(() => ask(GpuStarted, 'POST', '/api/gpu/start', {}), 'A machine is started and held for an hour.')}
        >
          Start for an hour
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            act(() => ask(GpuStopped, 'POST', '/api/gpu/stop', {}), 'Let go of the machines; whoever needs them keeps them.')
          }
        >
          Let go
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() =>
            question({
              title: 'Stop every machine?',
              text: 'Whoever works there is interrupted. Nothing is lost: the work begins again later.',
              button: 'Stop them',
              yes: () => act(() => ask(GpuStopped, 'POST', '/api/gpu/stop', { force: true }), 'The machines are being stopped.'),
            })
          }
        >
          Stop by force
        </button>
      </div>
      {dialog}
    </section>
  );
}

/** Figures of today. */
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
          <dt>Budget of a day</dt>
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
          <dt>Files that succeed</dt>
          <dd>{files.successRate === null ? '–' : percent(files.successRate)}</dd>
        </div>
        <div>
          <dt>Seconds a minute of audio</dt>
          <dd>{files.secondsPerAudioMinute ?? '–'}</dd>
        </div>
      </dl>
    </section>
  );
}
