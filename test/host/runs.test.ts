/** A GPU run that is aborted from outside. */
import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, expect, test } from 'vitest';
import { poll } from '../../host/poll.ts';
import { checkInvariants } from './invariants.ts';
import { allStopped, atRest, output, poolRow, sessionInTheMiddle, settled, userA } from './support.ts';

afterAll(async () => {
  await atRest();
  await checkInvariants();
});

test('after an active run is aborted, its machine is stopped and the next run does the work [gpu.aborted]', async () => {
  const { id, count } = await sessionInTheMiddle();
  const { serving } = await poolRow();
  const executionArn = `${output('StateMachineArn').replace(':stateMachine:', ':execution:')}:${serving?.run_id}`;
  await new SFNClient().send(new StopExecutionCommand({ executionArn }));
  await poll('the stopped machine', 30, allStopped);

  await userA.complete(id, count);
  const session = await userA.awaitChunks(id, 170, settled(count));
  expect(session.chunks.every(({ state, attempts }) => state === 'done' && attempts === 1)).toBe(true);
  expect((await userA.awaitTranscript(id, 30)).status).toBe('completed');
});
