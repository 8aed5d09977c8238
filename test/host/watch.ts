/**
 * Watches the machines of a host under test from its start to its end, and writes down what must never be: a machine that runs
 * for minutes with nobody who holds it, one that is stopped under a living holder, a fence that goes down.
 * `checkInvariants` reads the file.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { InstanceRow } from '../../core/contracts/rows.ts';
import type { MachineState } from '../../core/fleet/ports.ts';
import { dynamoFleetStore } from '../../lambdas/adapters/dynamo-fleet-store.ts';
import { ec2Machines } from '../../lambdas/adapters/ec2-machines.ts';

const EVERY_MS = 300;
/** A machine without a holder stops within this. */
const UNHELD_MS = 180_000;

interface Watched {
  /** The tests' control file: a machine that EC2 takes away by it is nobody's violation. */
  readonly faults: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** Gets one line for each violation. */
  readonly file: string;
}

interface Seen {
  readonly state: MachineState;
  readonly row: InstanceRow;
  readonly unheldSinceMs?: number | undefined;
}

const isLive = (row: InstanceRow): boolean => Object.values(row.holders).some((deadlineMs) => deadlineMs > Date.now());

export function watchFleet({ outputs, file, faults }: Watched): () => Promise<void> {
  const ids = (outputs['InstanceIds'] ?? '').split(',');
  const store = dynamoFleetStore(DynamoDBDocumentClient.from(new DynamoDBClient()), outputs['FleetTable'] ?? '');
  const machines = ec2Machines();
  const sfn = new SFNClient();
  const ending = new AbortController();
  const last = new Map<string, Seen>();
  const isTaken = (id: string): boolean =>
    existsSync(faults) && (JSON.parse(readFileSync(faults, 'utf8')).spot_notice ?? []).includes(id);
  const violation = (text: string): void => appendFileSync(file, `${new Date().toISOString()} ${text}\n`);

  /** Somebody who held it when it was seen last, and would hold it still. */
  async function survivor(row: InstanceRow): Promise<string | undefined> {
    for (const [holder, deadlineMs] of Object.entries(row.holders)) {
      if (deadlineMs <= Date.now()) continue;
      if (holder.startsWith('person:')) return holder;
      const executionArn = `${outputs['StateMachineArn']?.replace(':stateMachine:', ':execution:')}:${holder}`;
      const status = await sfn.send(new DescribeExecutionCommand({ executionArn })).then(
        (execution) => execution.status,
        () => undefined,
      );
      if (status === 'RUNNING') return holder;
    }
    return undefined;
  }

  async function look(id: string): Promise<void> {
    // The row comes second: a stop is decided there before EC2 hears of it.
    const [machine] = await machines.describe([id]);
    const row = await store.readInstance(id);
    const state = machine?.state ?? 'gone';
    const before = last.get(id);
    const isUnheld = state === 'running' && !isLive(row);
    const unheldSinceMs = isUnheld ? (before?.unheldSinceMs ?? Date.now()) : undefined;
    if (unheldSinceMs !== undefined && Date.now() - unheldSinceMs > UNHELD_MS) violation(`${id} runs for nobody`);
    if (before !== undefined && row.fence < before.row.fence)
      violation(`the fence of ${id} went from ${before.row.fence} to ${row.fence}`);
    const hasEnded = before?.state === 'running' && (state === 'stopping' || state === 'stopped');
    if (hasEnded && row.state === 'running' && row.fence === before.row.fence && !isTaken(id)) {
      const harmed = await survivor(row);
      if (harmed !== undefined) violation(`${id} was stopped under ${harmed}`);
    }
    last.set(id, { state, row, unheldSinceMs });
  }

  const watching = (async () => {
    while (!ending.signal.aborted) {
      await Promise.all(ids.map(look)).catch(() => undefined); // the emulator may be restarting: the next look is soon
      await wait(EVERY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();
  return async () => {
    ending.abort();
    await watching;
  };
}
