/**
 * Simulates the whole protocol on a virtual clock: the real code of ingest, fleet, reaper, locks and batch on memory stores;
 * executions that take one workflow step at a time and can be aborted between any two steps; workers that claim as gpu-worker
 * does; a message queue that can lose and repeat messages.
 *
 * A history is a list of commands. After any history, `settle` must reach a state in which every chunk is transcribed and every
 * machine is stopped. `violations` must stay empty.
 */
import { isGateOpen, isRecording, lock, unlock } from '../../core/batch-lock/lock.ts';
import { begin, tick } from '../../core/batch-run/run.ts';
import { parseChunkKey } from '../../core/contracts/keys.ts';
import { LEASE_SECONDS } from '../../core/contracts/limits.ts';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import { startForAdmin, stopForAdmin } from '../../core/fleet/admins.ts';
import { confirm, leaveRun, nextMachine, plan, startMachine, wake } from '../../core/fleet/run-steps.ts';
import { ingest } from '../../core/sessions/ingest.ts';
import { buildHandler as buildReaper } from '../../lambdas/reaper/handler.ts';
import { breakableCommits, type NextWrite } from './breakable-commits.ts';
import { containment, context } from './containment.ts';
import { fleetWorld } from './fleet-world.ts';
import { memoryBatchStore, memoryLockStore, memoryNoticeStore, memoryRunFiles } from './memory-batch.ts';
import { memoryChunkStore, memoryLedger, memoryObjects, memoryQueue, memorySessionStore } from './memory-stores.ts';
import { chunkTranscript, SESSION, sessionRow, USER } from './rows.ts';

const MACHINES = ['i-1', 'i-2'];
const MINUTE_MS = 60_000;

/** The current step of an execution for one of its machines. */
type Step = 'start' | 'ready' | 'drain' | 'leave' | 'fail' | 'stop' | 'confirm' | 'next' | 'over';
/** Where these steps continue after an error; all others continue at `fail`. */
const CATCH: Partial<Record<Step, Step>> = { fail: 'over', stop: 'over', confirm: 'over' };
interface Branch {
  machine: string;
  step: Step;
  /** The `wanted` counter that the worker read before it found all queues empty. */
  seen?: number;
}
interface Held {
  readonly chunkNumber: number;
  readonly fence: number;
  readonly etag: string;
}

export function protocolWorld() {
  const fleet = fleetWorld(MACHINES);
  const { deps, store, alive } = fleet;
  const [chunks, objects, queue, sessions, ledger] = [
    memoryChunkStore(),
    memoryObjects(),
    memoryQueue(),
    memorySessionStore(),
    memoryLedger(),
  ];
  const violations: string[] = [];
  const branches = new Map<string, Branch[]>();
  const workers = new Map<string, Held>();
  const commits = new Map<string, number>();
  let uploads = 0;
  let admin: { readonly machine: string; readonly untilMs: number } | undefined;

  const writes = breakableCommits(store, violations);
  /** The runs and the admin that need a machine now, independent of the rows. */
  const needs = (machine: string): string[] => [
    ...[...branches]
      .filter(
        ([runId, list]) => alive.has(runId) && list.some((b) => b.machine === machine && ['ready', 'drain'].includes(b.step)),
      )
      .map(([runId]) => runId),
    ...(admin !== undefined && admin.machine === machine && admin.untilMs > deps.nowMs() ? ['ada'] : []),
  ];
  const stopMachine = deps.machines.stop.bind(deps.machines);
  deps.machines.stop = async (machine, isForced) => {
    const harmed = fleet.machine(undefined, machine) === 'running' ? needs(machine) : [];
    if (harmed.length > 0) violations.push(`${machine} was stopped under ${harmed.join()}`);
    await stopMachine(machine, isForced);
  };

  /** One invocation. Errors are ignored; only a later command retries. */
  const attempt = async <T>(call: () => Promise<T>): Promise<T | undefined> => call().catch(() => undefined);
  const requestMachine = () => attempt(() => wake(deps));
  const [locks, batch] = [memoryLockStore(), memoryBatchStore()];
  const reaper = buildReaper({ ...deps, batch, chunks, queue, ledger, usdPerHour: 1, publish: async () => undefined });
  const ingestDeps = { sessions, chunks, objects, queue, wake: () => wake(deps), nowMs: deps.nowMs };

  /** Chunks whose canonical file was deleted, and how often a batch has reset each of them. */
  const deleted = new Set<number>();
  const resets = new Map<number, number>();
  const reset = chunks.reset.bind(chunks);
  chunks.reset = async (row, ...more) => {
    const isReset = await reset(row, ...more);
    if (isReset) resets.set(row.chunk_number, (resets.get(row.chunk_number) ?? 0) + 1);
    return isReset;
  };
  const recorder = { userId: 'recorder', sessionId: 'session_recorder' };
  const batchDeps = {
    ...ingestDeps,
    locks,
    batch,
    ledger,
    usdPerHour: 1,
    maxBlockedHours: 6,
    files: memoryRunFiles(),
    notices: memoryNoticeStore(),
    readTranscript: async () => '',
    readPool: store.readPool,
    assemble: async () => undefined,
    notifyEnd: async () => undefined,
    publish: async () => undefined,
    canonical: {
      readCanonical: async ({ chunk_number: n }: ChunkRow) => (deleted.has(n) ? undefined : chunkTranscript(n)),
    },
    bucket: {
      users: async () => [USER],
      async *objectsOf() {
        const all = Array.from({ length: uploads }, (_, i) => objects.head(keyOf(i + 1)));
        yield (await Promise.all(all)).filter((object) => object !== undefined);
      },
    },
  };
  const schedule = async (): Promise<void> => {
    await attempt(() => begin(batchDeps, { trigger: 'schedule', dryRun: false, slotMs: deps.nowMs() }));
    await attempt(() => tick(batchDeps, containment()));
  };
  const isOpen = async (): Promise<boolean> => isGateOpen(await locks.readGate(), deps.nowMs());
  const isBacklog = (message: string): boolean => message.startsWith('backlog ');

  const keyOf = (n: number): string => `users/${USER}/sessions/${SESSION}/chunk-${String(n).padStart(3, '0')}.webm`;
  async function deliverEvent(n: number): Promise<void> {
    const place = parseChunkKey(keyOf(n));
    if (place !== undefined) await attempt(() => ingest(ingestDeps, place, keyOf(n)));
  }

  /** Takes a step, which returns the next one. A failed step continues at its Catch. */
  const go = async (branch: Branch, step: () => Promise<Step>): Promise<void> => {
    branch.step = await step().catch(() => CATCH[branch.step] ?? 'fail');
  };
  const isRunning = (machine: string): boolean => fleet.machine(undefined, machine) === 'running';

  /** One step of an execution for one of its machines. */
  const steps: Readonly<Record<Step, (runId: string, branch: Branch) => Promise<void>>> = {
    start: (runId, branch) =>
      go(branch, async () => {
        const { kind } = await startMachine(deps, runId, branch.machine);
        return kind === 'started' ? 'ready' : kind === 'no-capacity' ? 'next' : 'fail';
      }),
    next: (runId, branch) =>
      go(branch, async () => {
        const found = await nextMachine(deps, runId, branch.machine);
        branch.machine = found ?? branch.machine;
        return found === undefined ? 'over' : 'start';
      }),
    async ready(_runId, branch) {
      branch.step = isRunning(branch.machine) ? 'drain' : 'fail';
    },
    async drain(_runId, branch) {
      if (!isRunning(branch.machine)) branch.step = 'fail'; // the heartbeat has stopped
      if (workers.has(branch.machine) || branch.step === 'fail') return; // busy: it does not report yet
      branch.seen = (await store.readPool()).wanted_seq;
      if ((await servable()).length === 0) branch.step = 'leave';
    },
    leave: (runId, branch) =>
      go(branch, async () => {
        const kind = await leaveRun(deps, runId, branch.machine, branch.seen);
        return kind === 'stop' ? 'stop' : kind === 'keep' ? 'over' : 'drain';
      }),
    fail: (runId, branch) => go(branch, async () => ((await leaveRun(deps, runId, branch.machine)) === 'stop' ? 'stop' : 'over')),
    stop: (_runId, branch) =>
      go(branch, async () => {
        await deps.machines.stop(branch.machine);
        return 'confirm';
      }),
    confirm: (runId, branch) => go(branch, async () => ((await confirm(deps, runId, branch.machine)) ? 'over' : 'confirm')),
    over: async () => undefined,
  };

  async function planRun(runId: string): Promise<void> {
    const planned = await attempt(() => plan(deps, deps, runId));
    if (planned === undefined) fleet.alive.delete(runId);
    if (planned === undefined || planned.kind === 'draining') return;
    const machines = planned.kind === 'planned' ? planned.instanceIds : [];
    branches.set(
      runId,
      machines.map((machine) => ({ machine, step: 'start' })),
    );
  }

  async function stepRun(runId: string): Promise<void> {
    if (!alive.has(runId)) return;
    const known = branches.get(runId);
    if (known === undefined) await planRun(runId);
    else for (const branch of known) await steps[branch.step](runId, branch);
    if (branches.get(runId)?.every(({ step }) => step === 'over')) fleet.alive.delete(runId);
  }

  /** Messages that workers may receive now. Backlog is excluded while a recording holds the lock. */
  const servable = async (): Promise<string[]> => {
    const open = await isOpen();
    return queue.sent.filter((message) => open || !isBacklog(message));
  };
  /** A worker serves while its machine runs and a run is in its drain step for it. */
  const serves = (machine: string): boolean =>
    isRunning(machine) &&
    [...branches].some(([runId, list]) => alive.has(runId) && list.some((b) => b.machine === machine && b.step === 'drain'));

  const put = async (n: number, change: (row: ChunkRow) => ChunkRow): Promise<void> => {
    const row = await chunks.get(SESSION, n);
    if (row !== undefined) chunks.put(change(row));
  };

  const mayClaimBacklog = async (): Promise<boolean> => {
    const gate = await locks.readGate();
    return !isRecording(gate, deps.nowMs()) || (gate.behind_live_until_ms ?? 0) > deps.nowMs();
  };

  async function receive(machine: string): Promise<void> {
    if (!serves(machine) || workers.has(machine)) return;
    const [message] = await servable();
    if (message === undefined) return;
    queue.sent.splice(queue.sent.indexOf(message), 1);
    const n = Number(message.split(' ').at(-1));
    const row = await chunks.get(SESSION, n);
    if (row === undefined || row.state === 'done' || row.state === 'dead') return;
    if (row.state === 'leased' && (row.lease_until_ms ?? 0) > deps.nowMs()) return void queue.sent.push(message);
    const fence = row.fence + 1;
    chunks.put({ ...row, state: 'leased', fence, lease_until_ms: deps.nowMs() + LEASE_SECONDS * 1000 });
    if (isBacklog(message) && !(await mayClaimBacklog())) violations.push(`backlog ${n} was claimed during a recording`);
    workers.set(machine, { chunkNumber: n, fence, etag: row.etag });
    queue.sent.push(message); // SQS keeps the message, hidden, until the worker deletes it
  }

  async function finish(machine: string): Promise<void> {
    const held = workers.get(machine);
    if (held === undefined) return;
    workers.delete(machine);
    const row = await chunks.get(SESSION, held.chunkNumber);
    if (row?.state !== 'leased' || row.fence !== held.fence || row.etag !== held.etag) return;
    const { pending_shard: _shard, lease_until_ms: _lease, ...rest } = row;
    chunks.put({ ...rest, state: 'done' });
    deleted.delete(held.chunkNumber);
    const id = `${held.chunkNumber}/${held.etag}`;
    commits.set(id, (commits.get(id) ?? 0) + 1);
    const at = queue.sent.findIndex((sent) => sent.endsWith(` ${held.chunkNumber}`));
    if (at >= 0) queue.sent.splice(at, 1);
  }

  /** Removes the workers of stopped machines and returns the chunks that they have claimed. */
  async function releaseStoppedWorkers(): Promise<void> {
    for (const machine of MACHINES) {
      const held = workers.get(machine);
      if (held === undefined || isRunning(machine)) continue;
      workers.delete(machine);
      await put(held.chunkNumber, (row) =>
        row.state === 'leased' && row.fence === held.fence ? { ...row, state: 'pending', lease_until_ms: undefined } : row,
      );
    }
  }

  const set = (limits: Partial<typeof fleet.limits>): void => void Object.assign(fleet.limits, limits);
  const breakWrite = (how: NextWrite): void => {
    writes.next = how;
  };

  const commands = {
    upload: async () => {
      const n = ++uploads;
      objects.put({ key: keyOf(n), etag: `e${n}`, sizeBytes: 10, modifiedAtMs: deps.nowMs() });
      await deliverEvent(n);
    },
    uploadWithoutEvent: async () => {
      const n = ++uploads;
      objects.put({ key: keyOf(n), etag: `e${n}`, sizeBytes: 10, modifiedAtMs: deps.nowMs() });
    },
    deleteResult: async () => void (uploads > 0 && deleted.add(uploads)),
    lock: () => attempt(() => lock(batchDeps, recorder)),
    unlock: () => attempt(() => unlock(batchDeps, recorder.userId)),
    schedule,
    manualRun: () => attempt(() => begin(batchDeps, { trigger: 'manual', dryRun: false })),
    dryRun: () => attempt(() => begin(batchDeps, { trigger: 'manual', dryRun: true })),
    batchTick: () => attempt(() => tick(batchDeps, containment())),
    /** Longer than any run can take, because its tasks have timeouts. */
    hours: async () => void (alive.size === 0 && fleet.pass(120 * MINUTE_MS)),
    uploadDuplicate: async () => void (uploads > 0 && (await deliverEvent(uploads))),
    loseMessage: async () => void queue.sent.shift(),
    repeatMessage: async () => void (queue.sent[0] !== undefined && queue.sent.push(queue.sent[0])),
    requestMachine,
    step: async () => {
      for (const runId of [...alive]) await stepRun(runId);
    },
    stepOldest: async () => void ([...alive][0] !== undefined && (await stepRun([...alive][0] ?? ''))),
    stepNewest: async () => void ([...alive].at(-1) !== undefined && (await stepRun([...alive].at(-1) ?? ''))),
    failOne: async () => {
      const open = [...branches].filter(([runId]) => alive.has(runId)).flatMap(([, list]) => list);
      const branch = open.find(({ step }) => ['start', 'ready', 'drain'].includes(step));
      if (branch !== undefined) branch.step = 'fail';
    },
    abort: async () => {
      const runId = [...alive].at(-1);
      if (runId !== undefined && alive.delete(runId)) fleet.aborted.add(runId);
    },
    timeout: async () => void alive.delete([...alive][0] ?? ''),
    receive: async () => {
      for (const machine of MACHINES) await receive(machine);
    },
    finish: async () => {
      for (const machine of MACHINES) await finish(machine);
    },
    workerDies: async () => void workers.delete(MACHINES.find((machine) => workers.has(machine)) ?? ''),
    reap: () => attempt(() => reaper(undefined, context)),
    seconds: async () => fleet.pass(12_000),
    minute: async () => fleet.pass(MINUTE_MS),
    noCapacity: async () => void fleet.full.add(fleet.full.has('i-1') ? 'i-2' : 'i-1'),
    capacity: async () => fleet.full.clear(),
    budgetSpent: async () => set({ isSpent: true }),
    newBudget: async () => set({ isSpent: false }),
    muchWork: async () => set({ machines: 2 }),
    consoleStart: async () => void (fleet.machine(undefined, 'i-2') === 'stopped' && fleet.machine('running', 'i-2')),
    consoleStop: async () => void fleet.machine('stopped', 'i-1'),
    adminStarts: async () => {
      const untilMs = deps.nowMs() + 5 * MINUTE_MS;
      const started = await attempt(() => startForAdmin(deps, 'ada', untilMs));
      if (started?.kind === 'held') admin = { machine: started.instanceId, untilMs };
      else if (started !== undefined) admin = undefined; // refused: the admin no longer holds a machine that had stopped
    },
    adminStops: async () => {
      admin = undefined;
      await attempt(() => stopForAdmin(deps, 'ada', false));
    },
    throttle: async () => breakWrite('failed'),
    responseLost: async () => breakWrite('response-lost'),
  } satisfies Record<string, () => Promise<unknown>>;
  type Command = keyof typeof commands;

  async function run(command: Command): Promise<void> {
    await commands[command]();
    await releaseStoppedWorkers();
    for (const [id, times] of commits)
      if (times > 1 + (resets.get(Number(id.split('/')[0])) ?? 0)) violations.push(`${id} was committed ${times} times`);
  }

  /** Ends all faults and lets time pass, so that runs, workers, reaper and batch can finish. */
  async function settle(): Promise<void> {
    writes.next = 'fine';
    fleet.full.clear();
    fleet.limits.isSpent = false;
    await run('unlock');
    const turns = Array.from({ length: 12 }, () => ['step', 'receive', 'finish'] as const).flat();
    for (let i = 0; i < 400; i += 1) {
      for (const command of [...turns, 'reap', 'schedule', 'minute'] as const) await run(command);
      const { next_start_at_ms: next } = await store.readPool();
      if (alive.size === 0 && next > deps.nowMs()) fleet.pass(next - deps.nowMs());
      if (await atRest()) return;
    }
  }
  async function atRest(): Promise<boolean> {
    const rows = await chunks.listOf(SESSION);
    const instances = await Promise.all(MACHINES.map((id) => store.readInstance(id)));
    return (
      rows.length === uploads &&
      rows.every(({ state, chunk_number }) => state === 'done' && !deleted.has(chunk_number)) &&
      (await batch.readState()).active_runs.length === 0 &&
      MACHINES.every((id) => fleet.machine(undefined, id) === 'stopped') &&
      instances.every(({ state, holders }) => state === 'idle' && Object.keys(holders).length === 0) &&
      alive.size === 0 &&
      (await store.readPool()).serving === undefined
    );
  }

  return {
    commands: Object.keys(commands) as Command[],
    run,
    settle,
    atRest,
    violations,
    start: () => sessions.create(sessionRow()),
    /** The remaining state, for the message of a failing history. */
    describe: async () => ({
      rows: (await chunks.listOf(SESSION)).map(({ chunk_number, state }) => `${chunk_number} ${state}`),
      uploads,
      queue: queue.sent,
      deleted: [...deleted],
      batch: await batch.listRuns(3),
      alive: [...alive],
      pool: await store.readPool(),
      machines: await Promise.all(MACHINES.map(async (id) => [fleet.machine(undefined, id), await store.readInstance(id)])),
    }),
  };
}
