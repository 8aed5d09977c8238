/** Access to a stage through its CloudFormation stack, for commands that call AWS directly with the environment's credentials. */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { emulatedApiUrl } from '../host/emulated-api.ts';
import { localHost } from './connection.ts';

const LOCAL_STAGE = 'local';

/** A stage and the AWS client options for it. */
export interface StageTarget {
  readonly stage: string;
  readonly options: {
    readonly region?: string;
    readonly endpoint?: string;
    readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** Set if the stage is the local host. */
  readonly local?: {
    readonly apiUrl: string;
    readonly model?: { readonly name: string; readonly languages: string } | undefined;
  };
}

/** The named stage on AWS; without a name the local host. @throws CliError if there is no local host */
export function stageTarget(stage: string | undefined): StageTarget {
  const region = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  if (stage !== undefined) return { stage, options: { ...(region !== undefined && { region }) } };
  const host = localHost();
  if (host === undefined) return { stage: LOCAL_STAGE, options: { ...(region !== undefined && { region }) } };
  return {
    stage: LOCAL_STAGE,
    options: {
      endpoint: host.endpoint,
      region: 'us-east-1',
      credentials: host.credentials,
    },
    local: { apiUrl: host.url, model: host.model },
  };
}

export const stackNameOf = ({ stage }: StageTarget): string => `chunkscribe-${stage}`;

/** The stack's status and outputs; undefined if CloudFormation returns no stack. @throws if the stack does not exist */
export async function stackOf(
  target: StageTarget,
): Promise<{ readonly status: string; readonly outputs: Readonly<Record<string, string>> } | undefined> {
  const client = new CloudFormationClient(target.options);
  const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackNameOf(target) }));
  const one = Stacks?.[0];
  const pairs = (one?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue] as const);
  return one && { status: String(one.StackStatus), outputs: Object.fromEntries(pairs) };
}

/** Address of the stage's API. With AWS_ENDPOINT_URL, the stage is on an emulator. */
export function apiUrlOf({ ApiUrl = '' }: Readonly<Record<string, string>>): string {
  const endpoint = process.env['AWS_ENDPOINT_URL'];
  return endpoint === undefined ? ApiUrl : emulatedApiUrl(endpoint, ApiUrl);
}
