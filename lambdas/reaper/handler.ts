import type { Context } from 'aws-lambda';
import { isBatchOverdue } from '../../core/batch-run/overdue.ts';
import type { BatchStore } from '../../core/batch-run/ports.ts';
import { forEachContained, shareOf } from '../../core/contained.ts';
import { RunEnded } from '../../core/contracts/events.ts';
import { METRICS, type Metric } from '../../core/contracts/metrics.ts';
import type { FleetDeps } from '../../core/fleet/decide.ts';
import { reapInstance } from '../../core/fleet/reaping.ts';
import { serveWaitingWork, type WaitingWorkDeps } from '../../core/fleet/waiting-work.ts';
import { costToday, type LedgerDeps, newestUsage, recordGpuTime } from '../../core/ledger/ledger-service.ts';
import { containmentOf } from '../runtime/containment.ts';
import { logger } from '../runtime/logger.ts';

const INSTANCES_AT_ONCE = 4;
/** The remaining time is for costs and for unserved work. */
const SHARE_OF_INSTANCES = 0.6;
const STEP_SECONDS = 20;

export interface ReaperDeps extends FleetDeps, WaitingWorkDeps, LedgerDeps {
  readonly batch: Pick<BatchStore, 'listRuns'>;
  readonly publish: (values: Partial<Record<Metric, number>>) => Promise<void>;
}

/**
 * Runs every minute, when a GPU run fails, times out or is aborted, and when a machine has started or stopped. Steps:
 *   1. for each machine: reconcile EC2's state with the holders (stop machines without a holder), record EC2's running time
 *   2. while a machine runs, publish today's cost and the worker's memory
 *   3. in parallel with 2: report that the batch is overdue; end a serving run whose execution is over, resend messages of unserved rows, request a run for them
 *
 * Gotchas: it acts on the actual state, so any event may be lost; an event only shortens a wait. A failing machine does not block
 * the others; the invocation throws at the end.
 */
export const buildHandler =
  (deps: ReaperDeps) =>
  async (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const containment = containmentOf(context, deps.publish);
    let isAnyRunning = false;
    const reapOne = async (instanceId: string): Promise<void> => {
      const { kind, machine, isStopOverdue } = await reapInstance(deps, instanceId);
      isAnyRunning ||= machine.state === 'running';
      if (kind !== 'nothing') logger.warn('reaped', { instanceId, outcome: kind });
      await recordGpuTime(deps, machine);
      if (isStopOverdue) await deps.publish({ [METRICS.stopNotConfirmed]: 1 });
    };
    const instances = { idOf: (instanceId: string) => instanceId, work: reapOne, atOnce: INSTANCES_AT_ONCE };
    const reaped = await forEachContained(deps.instanceIds, instances, shareOf(containment, SHARE_OF_INSTANCES));
    const rest = [...(isAnyRunning ? [publishCost] : []), checkBatch, serveWork];
    const steps = {
      idOf: ({ name }: Step) => name,
      work: (step: Step) => step(deps, event),
      seconds: STEP_SECONDS,
      atOnce: rest.length,
    };
    const served = await forEachContained(rest, steps, containment);
    const failures = [...reaped.errors, ...served.errors];
    if (failures.length > 0) throw new AggregateError(failures, 'some steps of the reaper failed');
  };

type Step = (deps: ReaperDeps, event: unknown) => Promise<void>;

async function publishCost(deps: ReaperDeps): Promise<void> {
  const memoryMb = (await newestUsage(deps))?.worker_mb;
  const cost = { [METRICS.costToday]: (await costToday(deps)).usd };
  await deps.publish({ ...cost, ...(memoryMb !== undefined && { [METRICS.workerMemory]: memoryMb }) });
}

async function checkBatch(deps: ReaperDeps): Promise<void> {
  if (await isBatchOverdue(deps.batch, deps.nowMs())) await deps.publish({ [METRICS.batchOverdue]: 1 });
}

async function serveWork(deps: ReaperDeps, event: unknown): Promise<void> {
  const requeued = await serveWaitingWork(deps, RunEnded.safeParse(event).success);
  if (requeued > 0) logger.warn('requeued unserved rows', { requeued });
}
