/**
 * Watches the machines of a host under test during its lifetime and records violations in a file, which `checkInvariants` reads: a
 * machine that runs for minutes without a holder, one that is stopped although a holder is alive, a fence that decreases.
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
/** A machine without a holder must stop within this time. */
const UNHELD_MS = 180_000;

interface Watched {
  /** The fault file: a spot interruption in it is not a violation. */
  readonly faults: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** Receives one line per violation. */
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
  const isInterrupted = (id: string): boolean =>
    existsSync(faults) && (JSON.parse(readFileSync(faults, 'utf8')).spot_notice ?? []).includes(id);
  const violation = (text: string): void => appendFileSync(file, `${new Date().toISOString()} ${text}\n`);

  /** A holder of the last seen row that is still alive. */
  async function livingHolder(row: InstanceRow): Promise<string | undefined> {
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

  async function compare(id: string, before: Seen, { state, row }: Seen): Promise<void> {
    if (row.fence < before.row.fence) violation(`the fence of ${id} went from ${before.row.fence} to ${row.fence}`);
    const hasEnded = before.state === 'running' && (state === 'stopping' || state === 'stopped');
    if (!hasEnded || row.state !== 'running' || row.fence !== before.row.fence || isInterrupted(id)) return;
    const harmed = await livingHolder(row);
    if (harmed !== undefined) violation(`${id} was stopped although ${harmed} holds it`);
  }

  async function look(id: string): Promise<void> {
    // Read the row after EC2: a stop is written to the row before EC2 is called.
    const [machine] = await machines.describe([id]);
    const row = await store.readInstance(id);
    const state = machine?.state ?? 'gone';
    const before = last.get(id);
    const isUnheld = state === 'running' && !isLive(row);
    const unheldSinceMs = isUnheld ? (before?.unheldSinceMs ?? Date.now()) : undefined;
    if (unheldSinceMs !== undefined && Date.now() - unheldSinceMs > UNHELD_MS) violation(`${id} runs without a holder`);
    if (before !== undefined) await compare(id, before, { state, row });
    last.set(id, { state, row, unheldSinceMs });
  }

  const watching = (async () => {
    while (!ending.signal.aborted) {
      await Promise.all(ids.map(look)).catch(() => undefined); // the emulator may be restarting; try again
      await wait(EVERY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();
  return async () => {
    ending.abort();
    await watching;
  };
}
