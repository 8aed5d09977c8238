/** A stage as its stack describes it: what the commands work with that look at AWS itself, with the credentials of the environment. */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { localHost } from './connection.ts';

const LOCAL_STAGE = 'local';

/** Options of AWS clients, and where the local host is when it stands for AWS. */
export interface Place {
  readonly stage: string;
  readonly options: {
    readonly region?: string;
    readonly endpoint?: string;
    readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  readonly local?: { readonly apiUrl: string };
}

/** A stage on AWS by its name, or the local host of this machine. @throws CliError without either */
export function placeOf(stage: string | undefined): Place {
  const region = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  if (stage !== undefined) return { stage, options: { ...(region !== undefined && { region }) } };
  const host = localHost();
  if (host === undefined) return { stage: LOCAL_STAGE, options: { ...(region !== undefined && { region }) } };
  return {
    stage: LOCAL_STAGE,
    options: {
      endpoint: host.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
    local: { apiUrl: host.url },
  };
}

export const stackNameOf = ({ stage }: Place): string => `chunkscribe-${stage}`;

/** The stack's status and outputs; undefined where CloudFormation names none. */
export async function stackOf(
  place: Place,
): Promise<{ readonly status: string; readonly outputs: Readonly<Record<string, string>> } | undefined> {
  const client = new CloudFormationClient(place.options);
  const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackNameOf(place) }));
  const one = Stacks?.[0];
  const pairs = (one?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue] as const);
  return one && { status: String(one.StackStatus), outputs: Object.fromEntries(pairs) };
}
