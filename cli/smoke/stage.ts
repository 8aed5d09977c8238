/**
 * The stage of one smoke test: name, deployment and deletion.
 *
 * Every function refuses stages that are not named `smoke-` and six characters, so that a smoke test cannot delete a user's stage.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudFormationClient, DeleteStackCommand, paginateDescribeStacks } from '@aws-sdk/client-cloudformation';
import { PROJECT } from '../../bin/built-once.ts';
import { synthesize } from '../../bin/synthesize.ts';
import { poll } from '../../host/poll.ts';
import { CliError } from '../connection.ts';
import { stackNameOf } from '../stage.ts';

const NAME = /^smoke-[a-z0-9]{6}$/;
const NAME_LETTERS = 6;
const DELETE_SECONDS = 1800;
const POLL_MS = 3000;
/** Lines of CDK's output that are shown if a deployment fails. */
const SHOWN_LINES = 20;

export type Outputs = Readonly<Record<string, string>>;

export const newStageName = (): string =>
  `smoke-${Array.from({ length: NAME_LETTERS }, () => randomInt(36).toString(36)).join('')}`;

function stackNameOfSmoke(stage: string): string {
  if (!NAME.test(stage)) throw new CliError(`${stage} is not the stage of a smoke test`);
  return stackNameOf({ stage, options: {} });
}

/** Status of each stack of a smoke test, by stage. */
async function statuses(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { Stacks = [] } of paginateDescribeStacks({ client: new CloudFormationClient() }, {}))
    for (const { StackName = '', StackStatus = '' } of Stacks) {
      const stage = StackName.replace(/^chunkscribe-/, '');
      if (NAME.test(stage) && StackStatus !== 'DELETE_COMPLETE') found.set(stage, StackStatus);
    }
  return found;
}

/** Stages that earlier smoke tests have left. */
export const leftStages = async (): Promise<string[]> => [...(await statuses()).keys()].sort();

/** Runs CDK's command line. `onLine` receives its output. @throws CliError with the last lines if it fails */
async function cdk(args: readonly string[], onLine: (line: string) => void, ending: AbortSignal): Promise<void> {
  const program = join(PROJECT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  const child = spawn(process.execPath, [program, ...args], { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'], signal: ending });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      const fresh = text.split('\n').filter((line) => line.trim() !== '');
      lines.push(...fresh);
      for (const line of fresh) onLine(line);
    });
  const code = await new Promise<number | null>((resolve) => child.once('error', () => resolve(null)).once('close', resolve));
  if (code !== 0) throw new CliError(`cdk ${args[0]} failed:\n${lines.slice(-SHOWN_LINES).join('\n')}`);
}

/** Synthesizes and deploys the stage. `folder` receives the cloud assembly. @returns the outputs of its stack */
export async function deploy(
  stage: string,
  context: Readonly<Record<string, string>>,
  folder: string,
  { onLine, ending }: { readonly onLine: (line: string) => void; readonly ending: AbortSignal },
): Promise<Outputs> {
  const stack = stackNameOfSmoke(stage);
  const assembly = join(folder, 'cdk.out');
  const outputs = join(folder, 'outputs.json');
  await synthesize(assembly, { ...context, stage });
  const how = ['--require-approval', 'never', '--progress', 'events', '--outputs-file', outputs];
  await cdk(['deploy', stack, '--app', assembly, ...how], onLine, ending);
  return JSON.parse(readFileSync(outputs, 'utf8'))[stack];
}

/** Deletes the stage with everything in it, also while it is being created. @throws CliError if CloudFormation cannot delete it */
export async function destroy(stage: string, onStatus: (status: string) => void): Promise<void> {
  const StackName = stackNameOfSmoke(stage);
  if (!(await statuses()).has(stage)) return;
  await new CloudFormationClient().send(new DeleteStackCommand({ StackName }));
  const wait = async () => {
    const status = (await statuses()).get(stage);
    if (status === 'DELETE_FAILED') throw new CliError(`${StackName} could not be deleted; see its Events in CloudFormation`);
    if (status !== undefined) onStatus(status);
    return status === undefined;
  };
  await poll(`the deletion of ${StackName}`, DELETE_SECONDS, wait, POLL_MS);
}
