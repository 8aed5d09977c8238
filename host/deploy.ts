/**
 * Deploys the stage's real CDK template to the emulator.
 *
 * Steps: synthesize if sources or context changed -> upload missing assets -> delete a stack whose creation failed -> create and
 * execute a change set if the template differs from the deployed one -> wait for the stack.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { synthesize } from '../bin/synthesize.ts';
import { ACCOUNT, REGION } from './emulator.ts';
import { EMULATOR_PYTHON, type Folders, PROJECT } from './paths.ts';
import { poll } from './poll.ts';

const STAGE = 'local';
const STACK = `chunkscribe-${STAGE}`;
/** An image that exists in the emulator. */
const LOCAL_AMI = 'ami-0c2023a1b2c3d4e5f';
const SOURCES = [
  'bin',
  'lib',
  'core',
  'lambdas',
  'gpu-worker/src',
  'gpu-worker/bootstrap',
  'gpu-worker/requirements-cloud.txt',
  'web',
  'package-lock.json',
  'cdk.json',
];

function* filesBelow(path: string): Generator<string> {
  const entries = readdirSync(path, { withFileTypes: true });
  for (const entry of entries) {
    const full = join(path, entry.name);
    if (entry.isDirectory() && entry.name !== '__pycache__') yield* filesBelow(full);
    else if (entry.isFile()) yield full;
  }
}

function sourcesHash(context: string): string {
  const hash = createHash('sha256').update(context);
  for (const source of SOURCES) {
    const path = join(PROJECT, source);
    const files = source.includes('.') ? [path] : [...filesBelow(path)].sort();
    for (const file of files) hash.update(file.slice(PROJECT.length)).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Synthesizes the template if sources or context have changed; returns whether it did. */
export async function synthesizeIfChanged(folders: Folders, context: Readonly<Record<string, string>>): Promise<boolean> {
  const all = { stage: STAGE, retainData: 'false', amiId: LOCAL_AMI, ...context };
  const stamp = join(folders.synth, 'sources.sha256');
  const hash = sourcesHash(JSON.stringify(all));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return false;
  mkdirSync(folders.synth, { recursive: true });
  await synthesize(folders.synth, all);
  writeFileSync(stamp, hash);
  return true;
}

const Manifest = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.object({ path: z.string(), packaging: z.enum(['file', 'zip']) }),
      destinations: z.record(z.string(), z.object({ bucketName: z.string(), objectKey: z.string() })),
    }),
  ),
});

const local = (text: string): string => text.replaceAll('${AWS::AccountId}', ACCOUNT).replaceAll('${AWS::Region}', REGION);

function bytesOf(folders: Folders, path: string, packaging: 'file' | 'zip'): Buffer {
  const full = join(folders.synth, path);
  if (packaging === 'file') return readFileSync(full);
  const zip = `${full}.zip`;
  if (!existsSync(zip))
    execFileSync(EMULATOR_PYTHON, ['-m', 'zipfile', '-c', zip, ...readdirSync(full)], { cwd: full, stdio: 'pipe' });
  return readFileSync(zip);
}

/** Uploads missing assets; returns the location of the template. */
async function publishAssets(s3: S3Client, folders: Folders): Promise<{ bucket: string; templateKey: string }> {
  const { files } = Manifest.parse(JSON.parse(readFileSync(join(folders.synth, `${STACK}.assets.json`), 'utf8')));
  let template = { bucket: '', templateKey: '' };
  for (const { source, destinations } of Object.values(files)) {
    for (const { bucketName, objectKey } of Object.values(destinations)) {
      const Bucket = local(bucketName);
      await s3.send(new CreateBucketCommand({ Bucket })).catch((error: Error) => {
        if (error.name !== 'BucketAlreadyOwnedByYou') throw error;
      });
      const exists = await s3.send(new HeadObjectCommand({ Bucket, Key: objectKey })).then(
        () => true,
        () => false,
      );
      if (!exists)
        await s3.send(new PutObjectCommand({ Bucket, Key: objectKey, Body: bytesOf(folders, source.path, source.packaging) }));
      if (source.path.endsWith('.template.json')) template = { bucket: Bucket, templateKey: objectKey };
    }
  }
  return template;
}

const describeStack = async (cfn: CloudFormationClient): Promise<Stack | undefined> => {
  try {
    return (await cfn.send(new DescribeStacksCommand({ StackName: STACK }))).Stacks?.[0];
  } catch {
    return undefined;
  }
};

async function failureReasons(cfn: CloudFormationClient): Promise<string> {
  const { StackEvents = [] } = await cfn.send(new DescribeStackEventsCommand({ StackName: STACK }));
  const failed = StackEvents.filter((event) => event.ResourceStatus?.endsWith('_FAILED'));
  return failed.map((event) => `${event.LogicalResourceId}: ${event.ResourceStatusReason}`).join('\n');
}

/** Functions of the stack that the emulator does not have, as after a full disk. Their physical ids are their names. */
async function lostFunctions(cfn: CloudFormationClient, endpoint: string): Promise<string[]> {
  const { StackResources = [] } = await cfn.send(new DescribeStackResourcesCommand({ StackName: STACK }));
  const existing = new Set<string | undefined>();
  for await (const { Functions = [] } of paginateListFunctions({ client: new LambdaClient({ endpoint }) }, {}))
    for (const { FunctionName } of Functions) existing.add(FunctionName);
  return StackResources.filter(({ ResourceType }) => ResourceType === 'AWS::Lambda::Function').flatMap(
    ({ PhysicalResourceId: name = '' }) => (existing.has(name) ? [] : [name]),
  );
}

const DEPLOY_SECONDS = 120;

/** Deletes a stack whose creation failed, because it cannot be updated. Returns the existing stack, if any. */
async function withoutFailedStack(cfn: CloudFormationClient): Promise<Stack | undefined> {
  const stack = await describeStack(cfn);
  if (!/^(CREATE_FAILED|ROLLBACK_)/.test(stack?.StackStatus ?? '')) return stack;
  await cfn.send(new DeleteStackCommand({ StackName: STACK }));
  await poll('the deletion of a failed stack', DEPLOY_SECONDS, async () => {
    const status = (await describeStack(cfn))?.StackStatus;
    return status === undefined || status === 'DELETE_COMPLETE';
  });
  return undefined;
}

export type Outputs = Readonly<Record<string, string>>;

/** Deploys the template if it differs from the deployed one, or if functions are lost; returns the stack's outputs. */
export async function deploy(folders: Folders, endpoint: string): Promise<{ changed: boolean; outputs: Outputs }> {
  const cfn = new CloudFormationClient({ endpoint });
  const s3 = new S3Client({ endpoint, forcePathStyle: true });
  await new SSMClient({ endpoint }).send(
    new PutParameterCommand({ Name: '/cdk-bootstrap/hnb659fds/version', Value: '30', Type: 'String', Overwrite: true }),
  );
  const { bucket, templateKey } = await publishAssets(s3, folders);
  const before = await withoutFailedStack(cfn);
  const name = `t-${templateKey.slice(0, 32)}`;
  const deployed = before?.Tags?.find((tag) => tag.Key === 'template')?.Value;
  const settled = before?.StackStatus === 'CREATE_COMPLETE' || before?.StackStatus === 'UPDATE_COMPLETE';
  const isLost = settled && (await lostFunctions(cfn, endpoint)).length > 0;
  const changed = !settled || deployed !== name || isLost;
  if (changed) {
    const ChangeSetName = isLost ? `${name}-${Date.now()}` : name;
    await cfn.send(
      new CreateChangeSetCommand({
        StackName: STACK,
        ChangeSetName,
        ChangeSetType: before === undefined ? 'CREATE' : 'UPDATE',
        TemplateURL: `${endpoint}/${bucket}/${templateKey}`,
        Capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'],
        Tags: [
          { Key: 'template', Value: name },
          // A template without changes is not deployed; a tag is a change.
          ...(isLost ? [{ Key: 'restored', Value: new Date().toISOString() }] : []),
        ],
      }),
    );
    await poll('the change set', DEPLOY_SECONDS, async () => {
      const { Status, StatusReason } = await cfn.send(new DescribeChangeSetCommand({ StackName: STACK, ChangeSetName }));
      if (Status === 'FAILED') throw new Error(`the change set failed: ${StatusReason}`);
      return Status === 'CREATE_COMPLETE';
    });
    await cfn.send(new ExecuteChangeSetCommand({ StackName: STACK, ChangeSetName }));
  }
  const stack = await poll('the stack', DEPLOY_SECONDS, async () => {
    const now = await describeStack(cfn);
    const status = now?.StackStatus ?? '';
    if (/FAILED|ROLLBACK/.test(status)) throw new Error(`the deployment failed:\n${await failureReasons(cfn)}`);
    return status.endsWith('_COMPLETE') ? now : undefined;
  });
  const outputs = Object.fromEntries((stack?.Outputs ?? []).map((output) => [output.OutputKey ?? '', output.OutputValue ?? '']));
  return { changed, outputs };
}
