/**
 * Walks the synthesized state machine through everything that can happen to it: every task succeeds, or fails with any class
 * of error, with its effect applied or not (a call that timed out may have started the machine); and the execution is aborted
 * before every state. The Lambda steps are the real fleet decisions on a store in memory; EC2 is one machine.
 *
 * An error stands for "retries used up". Errors that no Catch can match end the execution, as on AWS.
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 */
import type { InstanceRow, PoolRow } from '../../core/contracts/rows.ts';
import { confirm, type FleetDeps, leaveRun, plan, reapInstance } from '../../core/fleet/fleet-service.ts';
import type { MachineState } from '../../core/fleet/ports.ts';
import type { Machine, State } from './asl.ts';
import { memoryFleetStore } from './memory-stores.ts';

const RUN = 'run-1';
const ID = 'i-1';
const NOW = 1_000_000;
const UNCATCHABLE = ['States.Runtime', 'States.DataLimitExceeded'];
const ERRORS = [
  'Ec2.Ec2Exception',
  'States.TaskFailed',
  'States.Timeout',
  'States.HeartbeatTimeout',
  'States.Permissions',
  ...UNCATCHABLE,
];

/** Everything that a step can read or change. */
export interface World {
  readonly pool: PoolRow;
  readonly instance: InstanceRow;
  readonly machine: MachineState;
  /** A stop that was made while somebody else held the machine: must stay undefined. */
  readonly stoppedUnder?: string;
}
type Data = Readonly<Record<string, unknown>>;
interface Point {
  readonly world: World;
  readonly data: Data;
}

/** Runs a fleet step on a world; `alive`: executions that still run. */
async function inWorld<T>(
  world: World,
  alive: readonly string[],
  step: (deps: FleetDeps) => Promise<T>,
): Promise<{ world: World; result: T }> {
  const store = memoryFleetStore(world.pool, [world.instance]);
  let machine = world.machine;
  const result = await step({
    store,
    nowMs: () => NOW,
    machines: {
      describe: async () => [{ instanceId: ID, state: machine, launchedAtMs: 0 }],
      stop: async () => {
        machine = 'stopped';
      },
    },
    runs: { start: async () => 'exists', status: async (runId) => (alive.includes(runId) ? 'running' : 'ended') },
  });
  return { result, world: { ...world, pool: await store.readPool(), instance: await store.readInstance(ID), machine } };
}

const others = ({ instance }: World): string | undefined => Object.keys(instance.holders).find((holder) => holder !== RUN);

/** What a task does to the world, and its result; several when the result is not ours to say. */
async function effects(state: State, { world }: Point): Promise<{ world: World; result: unknown }[]> {
  const resource = state.Resource ?? '';
  if (resource.includes('ec2:startInstances')) return [{ world: { ...world, machine: 'running' }, result: {} }];
  if (resource.includes('ec2:stopInstances')) {
    const under = others(world);
    return [{ world: { ...world, machine: 'stopped', ...(under !== undefined && { stoppedUnder: under }) }, result: {} }];
  }
  if (resource.includes('waitForTaskToken')) return [0, 1].map((seenSeq) => ({ world, result: { seenSeq } }));
  const step = (state as { Parameters?: { step?: string } }).Parameters?.step;
  if (step === 'plan') {
    const done = await inWorld(world, [RUN], (deps) => plan(deps, RUN, [ID]));
    return [{ world: done.world, result: { instances: done.result.kind === 'planned' ? done.result.instanceIds : [] } }];
  }
  if (step === 'confirm-stopped') return [await inWorld(world, [RUN], (deps) => confirm(deps, ID))];
  if (step !== 'leave') throw new Error(`the walker does not know what ${resource} does`);
  return [];
}

async function leaveEffect(state: State, { world, data }: Point): Promise<{ world: World; result: unknown }> {
  const { Parameters: parameters = {} } = state as { Parameters?: Record<string, unknown> };
  const seen = 'seenSeq.$' in parameters ? (data['drain'] as { seenSeq: number }).seenSeq : undefined;
  const { world: after, result } = await inWorld(world, [RUN], (deps) => leaveRun(deps, RUN, ID, seen));
  return { world: after, result: { next: result, failed: seen === undefined } };
}

const isLeave = (state: State): boolean => (state as { Parameters?: { step?: string } }).Parameters?.step === 'leave';

const catcherOf = (state: State, error: string): string | undefined =>
  (state.Catch ?? []).find(
    ({ ErrorEquals }) =>
      ErrorEquals.includes(error) ||
      (!UNCATCHABLE.includes(error) &&
        (ErrorEquals.includes('States.ALL') || (ErrorEquals.includes('States.TaskFailed') && error !== 'States.Timeout'))),
  )?.Next;

const read = (data: Data, path: string): unknown =>
  path
    .replace(/^\$\./, '')
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], data);

function chosen(state: State, data: Data): string {
  const choice = (state.Choices ?? []).find((rule) => {
    const { Variable, StringEquals } = rule as { Variable?: string; StringEquals?: string };
    return Variable !== undefined && read(data, Variable) === StringEquals;
  });
  const next = choice?.Next ?? state.Default;
  if (next === undefined) throw new Error('no rule of a choice matches');
  return next;
}

/** How an execution came to its end, with the world that it left. */
export interface Ending {
  readonly how: string;
  readonly path: readonly string[];
  readonly world: World;
}

/** Every ending of the machine that runs for one instance, after a plan that joined it. */
export async function walk(machine: Machine, start: World): Promise<Ending[]> {
  const planned = await inWorld(start, [RUN], (deps) => plan(deps, RUN, [ID]));
  const endings: Ending[] = [];
  const seen = new Set<string>();
  const visit = async (name: string, point: Point, path: readonly string[]): Promise<void> => {
    const key = JSON.stringify([
      name,
      point.world.machine,
      point.world.instance.state,
      Object.keys(point.world.instance.holders),
      point.world.stoppedUnder,
      point.data,
    ]);
    if (seen.has(key)) return;
    seen.add(key);
    const state = machine.States[name];
    if (state === undefined) throw new Error(`no state named ${name}`);
    const here = [...path, name];
    endings.push({ how: 'aborted', path: here, world: point.world });
    const goOn = async (next: Point): Promise<void> => {
      if (state.Next !== undefined) await visit(state.Next, next, here);
      else endings.push({ how: 'ended', path: here, world: next.world });
    };
    if (state.Type === 'Choice') return visit(chosen(state, point.data), point, here);
    if (state.Type === 'Pass') return goOn(point);
    const results = isLeave(state) ? [await leaveEffect(state, point)] : await effects(state, point);
    const resultName = (state as { ResultPath?: string | null }).ResultPath?.replace('$.', '');
    for (const { world, result } of results)
      await goOn({ world, data: resultName === undefined ? point.data : { ...point.data, [resultName]: result } });
    for (const error of ERRORS) {
      for (const world of [point.world, ...results.map((applied) => applied.world)]) {
        const catcher = catcherOf(state, error);
        if (catcher !== undefined)
          await visit(catcher, { world, data: { ...point.data, error: { Error: error } } }, [...here, `!${error}`]);
        else endings.push({ how: UNCATCHABLE.includes(error) ? error : `uncaught ${error}`, path: here, world });
      }
    }
  };
  await visit(machine.StartAt, { world: planned.world, data: {} }, []);
  return endings;
}

/** One pass of the reaper after the execution is over. */
export const reaped = async (world: World): Promise<World> => (await inWorld(world, [], (deps) => reapInstance(deps, ID))).world;
