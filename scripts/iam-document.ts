/** docs/iam.md: what every role of a stage may do, out of the synthesized template. */
import type { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';

const Statement = z.object({
  Effect: z.string(),
  Action: z.union([z.string(), z.array(z.string())]),
  Resource: z.unknown(),
  Condition: z.unknown().optional(),
});
const Policy = z.object({
  Properties: z.object({
    PolicyDocument: z.object({ Statement: z.array(Statement) }),
    Roles: z.array(z.object({ Ref: z.string() })),
  }),
});
const Role = z.object({
  Properties: z.object({
    AssumeRolePolicyDocument: z.object({
      Statement: z.array(z.object({ Principal: z.object({ Service: z.union([z.string(), z.array(z.string())]) }) })),
    }),
  }),
});

const HEAD = `# Who may do what

Each role of a stage, what takes it on, and what it may do. Made from the template by \`node scripts/launch.mjs scripts/iam.ts\`;
a test compares. Every action is limited to the stage's own resources, but for those in italics, which AWS lets nobody limit by
resource (\`cloudwatch:PutMetricData\` is limited to one namespace).

| role | taken on by | may |
|---|---|---|
`;

/** A stage that has everything that brings rights. */
export const OF_EVERYTHING = { emailFrom: 'scribe@example.com', speakerModel: 'speakers.onnx' };

/** `IngestHandlerServiceRole3EACFA87` -> `IngestHandler` */
const nameOf = (id: string): string =>
  id
    .replace(/[0-9A-F]{6,8}$/, '')
    .replace(/(ServiceRole|Role)(ForTarget)?$/, '')
    .replace(/[0-9a-fA-F]{32,}$/, '');

/** `dynamodb: GetItem, PutItem; s3: …` */
function byService(actions: ReadonlySet<string>): string {
  const services = Map.groupBy([...actions].sort(), (action) => action.replace('*', '').split(':')[0] ?? '');
  return [...services]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([service, all]) => `${service}: ${all.map((action) => action.replace(`${service}:`, '')).join(', ')}`)
    .join('; ');
}

export function iamDocument(template: Template): string {
  const may = new Map<string, Set<string>>();
  for (const policy of Object.values(template.findResources('AWS::IAM::Policy'))) {
    const { PolicyDocument, Roles } = Policy.parse(policy).Properties;
    for (const { Ref } of Roles) {
      const actions = may.get(Ref) ?? new Set<string>();
      may.set(Ref, actions);
      for (const { Action, Resource } of PolicyDocument.Statement)
        for (const action of [Action].flat()) actions.add(Resource === '*' ? `*${action}*` : action);
    }
  }
  const rows = Object.entries(template.findResources('AWS::IAM::Role')).map(([id, role]) => {
    const [statement] = Role.parse(role).Properties.AssumeRolePolicyDocument.Statement;
    const services = [statement?.Principal.Service ?? ''].flat().map((name) => name.replace('.amazonaws.com', ''));
    return `| ${nameOf(id)} | ${services.join(', ')} | ${byService(may.get(id) ?? new Set()) || 'its own logs'} |`;
  });
  return `${HEAD}${rows.sort().join('\n')}\n`;
}
