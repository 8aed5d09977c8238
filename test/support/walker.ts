/**
 * Walks all paths of the synthesized state machine. Every task succeeds, or fails with each class of error, with its effect
 * applied or not (a call that timed out may have started the machine). The execution is also aborted before every state.
 * The Lambda steps are the real function on a memory store; EC2 is a pool of two machines.
 *
 * An error means that its retries are exhausted. Errors that no Catch can match end the execution, as on AWS.
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 */
import type { InstanceRow, PoolRow } from '../../core/contracts/rows.ts';
import type { FleetDeps } from '../../core/fleet/decide.ts';
import type { Machine as Ec2Machine, MachineState } from '../../core/fleet/ports.ts';
import { reapInstance, reapPool } from '../../core/fleet/reaping.ts';
import { plan } from '../../core/fleet/run-steps.ts';
import { buildHandler } from '../../lambdas/fleet-control/handler.ts';
import type { Machine, State } from './asl.ts';
import { memoryFleetStore } from './memory-stores.ts';

const RUN = 'run-1';
export const IDS = ['i-1', 'i-2'] as const;
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

/** The state that a step can read or change. */
export interface World {
  readonly pool: PoolRow;
  readonly instances: readonly InstanceRow[];
  readonly machines: Readonly<Record<string, MachineState>>;
  /** Machines without EC2 capacity. */
  readonly full: readonly string[];
  /** Holder of a machine that was stopped in spite of it. Must stay undefined. */
  readonly stoppedUnder?: string;
}
type Data = Readonly<Record<string, unknown>>;
interface Point {
  readonly world: World;
  readonly data: Data;
}

/** Another current holder of this machine. */
const others = (row: InstanceRow | undefined): string | undefined =>
  Object.keys(row?.holders ?? {}).find((holder) => holder !== RUN);

/** Runs a fleet call on a world. `alive`: the executions that still run. */
async function inWorld<T>(
  world: World,
  alive: readonly string[],
  call: (deps: FleetDeps) => Promise<T>,
): Promise<{ world: World; result: T | undefined; error?: string }> {
  const store = memoryFleetStore(world.pool, world.instances);
  const machines: Record<string, MachineState> = { ...world.machines };
  let stoppedUnder = world.stoppedUnder;
  const deps: FleetDeps = {
    store,
    nowMs: () => NOW,
    instanceIds: IDS,
    machines: {
      describe: async (ids) => ids.map((id): Ec2Machine => ({ instanceId: id, state: machines[id] ?? 'gone', launchedAtMs: 0 })),
      async start(id) {
        if (world.full.includes(id)) return 'no-capacity';
        machines[id] = 'running';
        return 'started';
      },
      async stop(id) {
        stoppedUnder ??= others(await store.readInstance(id));
        machines[id] = 'stopped';
      },
    },
    runs: { start: async () => 'exists', status: async (runId) => (alive.includes(runId) ? 'running' : 'ended') },
  };
  let result: T | undefined;
  let error: string | undefined;
  try {
    result = await call(deps);
  } catch (caught) {
    error = caught instanceof Error ? caught.name : 'Error';
  }
  const after: World = {
    full: world.full,
    pool: await store.readPool(),
    instances: await Promise.all(IDS.map((id) => store.readInstance(id))),
    machines,
    ...(stoppedUnder !== undefined && { stoppedUnder }),
  };
  return { world: after, result, ...(error !== undefined && { error }) };
}

const limits = { machinesWanted: async () => 1, isBudgetSpent: async () => false };

const read = (data: Data, path: string): unknown =>
  path
    .replace(/^\$\./, '')
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], data);

const CONTEXT: Readonly<Record<string, string>> = { '$$.Execution.Name': RUN, '$$.StateMachine.Id': 'arn' };
/** The payload that Step Functions creates from the parameters of a state. */
const payloadOf = (template: Readonly<Record<string, unknown>>, data: Data): Data =>
  Object.fromEntries(
    Object.entries(template).map(([key, value]) =>
      key.endsWith('.$') && typeof value === 'string' ? [key.slice(0, -2), CONTEXT[value] ?? read(data, value)] : [key, value],
    ),
  );

interface Outcome {
  readonly world: World;
  readonly result?: unknown;
  readonly error?: string;
}

/** The effect and the result of a task. Several outcomes when the worker decides the result. */
async function outcomes(state: State, { world, data }: Point): Promise<Outcome[]> {
  const resource = state.Resource ?? '';
  if (resource.includes('ec2:stopInstances')) {
    const stopped = await inWorld(world, [RUN], (deps) => deps.machines.stop(String(data['instanceId'])));
    return [{ world: stopped.world, result: {} }];
  }
  if (resource.includes('waitForTaskToken')) return [0, 1].map((seenSeq) => ({ world, result: { seenSeq } }));
  const payload = payloadOf((state as { Parameters?: Record<string, unknown> }).Parameters ?? {}, data);
  if (payload['step'] === undefined) throw new Error(`the walker does not support ${resource}`);
  return [
    await inWorld(world, [RUN], (deps) =>
      buildHandler({ ...deps, ...limits, runsOf: () => deps.runs, poll: (done) => done() })(payload),
    ),
  ];
}

const catcherOf = (state: State, error: string): string | undefined =>
  (state.Catch ?? []).find(
    ({ ErrorEquals }) =>
      ErrorEquals.includes(error) ||
      (!UNCATCHABLE.includes(error) &&
        (ErrorEquals.includes('States.ALL') || (ErrorEquals.includes('States.TaskFailed') && error !== 'States.Timeout'))),
  )?.Next;

function chosen(state: State, data: Data): string {
  const choice = (state.Choices ?? []).find((rule) => {
    const { Variable, StringEquals, BooleanEquals } = rule as {
      Variable?: string;
      StringEquals?: string;
      BooleanEquals?: boolean;
    };
    return Variable !== undefined && read(data, Variable) === (StringEquals ?? BooleanEquals);
  });
  const next = choice?.Next ?? state.Default;
  if (next === undefined) throw new Error('no rule of the choice matches');
  return next;
}

/** How an execution ended, and the world at its end. */
export interface Ending {
  readonly how: string;
  readonly path: readonly string[];
  readonly world: World;
}

/** Key of a point. Points that differ only in versions, fences and epochs are equal. */
const keyOf = (name: string, { world, data }: Point): string =>
  JSON.stringify([name, data, world.machines, world.stoppedUnder, world.pool.serving, world.instances], (key, value) =>
    ['version', 'fence', 'epoch'].includes(key) ? undefined : value,
  );

function stateOf(machine: Machine, name: string): State {
  const state = machine.States[name];
  if (state === undefined) throw new Error(`no state named ${name}`);
  return state;
}

function passed(state: State, data: Data): Data {
  const { Parameters: parameters } = state as { Parameters?: Record<string, unknown> };
  return parameters === undefined ? data : payloadOf(parameters, data);
}

function withResult(state: State, data: Data, result: unknown): Data {
  const name = (state as { ResultPath?: string | null }).ResultPath?.replace('$.', '');
  return name === undefined ? data : { ...data, [name]: result };
}

/** All endings of the state machine for one instance, after a plan that joined it. */
export async function walk(machine: Machine, start: World): Promise<Ending[]> {
  const planned = await inWorld(start, [RUN], (deps) => plan(deps, limits, RUN));
  const [instanceId] = planned.result?.kind === 'planned' ? planned.result.instanceIds : [];
  const endings: Ending[] = [];
  const seen = new Set<string>();
  const visit = async (name: string, point: Point, path: readonly string[]): Promise<void> => {
    const key = keyOf(name, point);
    if (seen.has(key)) return;
    seen.add(key);
    const state = stateOf(machine, name);
    const here = [...path, name];
    endings.push({ how: 'aborted', path: here, world: point.world });
    const proceed = async (next: Point): Promise<void> => {
      if (state.Next !== undefined) await visit(state.Next, next, here);
      else endings.push({ how: 'ended', path: here, world: next.world });
    };
    const fail = async (error: string, world: World): Promise<void> => {
      const catcher = catcherOf(state, error);
      if (catcher !== undefined)
        await visit(catcher, { world, data: { ...point.data, error: { Error: error } } }, [...here, `!${error}`]);
      else endings.push({ how: UNCATCHABLE.includes(error) ? error : `uncaught ${error}`, path: here, world });
    };
    if (state.Type === 'Choice') return visit(chosen(state, point.data), point, here);
    if (state.Type === 'Pass') return proceed({ ...point, data: passed(state, point.data) });
    const done = await outcomes(state, point);
    for (const { world, result, error } of done) {
      if (error !== undefined) await fail(error, world);
      else await proceed({ world, data: withResult(state, point.data, result) });
    }
    for (const error of ERRORS)
      for (const world of [point.world, ...done.map((applied) => applied.world)]) await fail(error, world);
  };
  await visit(machine.StartAt, { world: planned.world, data: { instanceId } }, []);
  return endings;
}

/** Runs one pass of the reaper after the execution has ended. */
export const reaped = async (world: World): Promise<World> =>
  (
    await inWorld(world, [], async (deps) => {
      for (const id of IDS) await reapInstance(deps, id);
      await reapPool(deps);
    })
  ).world;
