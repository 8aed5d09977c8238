/** Generates docs/iam.md, the permissions of every role of a stage, from the synthesized template. */
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

const HEAD = `# Permissions

Each role of a stage, the service that assumes it, and its allowed actions. This page is generated from the template by
\`node scripts/launch.mjs scripts/documents.ts\`; a test checks that it is up to date. Every action is limited to the stage's own resources,
except those in italics, for which AWS supports no resource-level permissions (\`cloudwatch:PutMetricData\` is limited to one namespace).

| role | assumed by | allowed actions |
|---|---|---|
`;

/** Context of a stage with all features that need permissions. */
export const ALL_FEATURES = { emailFrom: 'scribe@example.com', speakerModel: 'speakers.onnx', knownVoices: 'true' };

/** Removes the generated parts of a logical id: `IngestHandlerServiceRole3EACFA87` -> `IngestHandler`. */
const nameOf = (id: string): string =>
  id
    .replace(/[0-9A-F]{6,8}$/, '')
    .replace(/(ServiceRole|Role)(ForTarget)?$/, '')
    .replace(/[0-9a-fA-F]{32,}$/, '');

/** Groups actions by service: `dynamodb: GetItem, PutItem; s3: …`. */
function byService(actions: ReadonlySet<string>): string {
  const services = Map.groupBy([...actions].sort(), (action) => action.replace('*', '').split(':')[0] ?? '');
  return [...services]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([service, all]) => `${service}: ${all.map((action) => action.replace(`${service}:`, '')).join(', ')}`)
    .join('; ');
}

/** Allowed actions by the logical id of their role; those that are allowed on all resources are in italics. */
function actionsByRole(template: Template): ReadonlyMap<string, ReadonlySet<string>> {
  const allowed = new Map<string, Set<string>>();
  for (const policy of Object.values(template.findResources('AWS::IAM::Policy'))) {
    const { PolicyDocument, Roles } = Policy.parse(policy).Properties;
    const actions = PolicyDocument.Statement.flatMap(({ Action, Resource }) =>
      [Action].flat().map((action) => (Resource === '*' ? `*${action}*` : action)),
    );
    for (const { Ref } of Roles) allowed.set(Ref, new Set([...(allowed.get(Ref) ?? []), ...actions]));
  }
  return allowed;
}

/** Returns the text of docs/iam.md. */
export function iamDocument(template: Template): string {
  const allowed = actionsByRole(template);
  const rows = Object.entries(template.findResources('AWS::IAM::Role')).map(([id, role]) => {
    const [statement] = Role.parse(role).Properties.AssumeRolePolicyDocument.Statement;
    const services = [statement?.Principal.Service ?? ''].flat().map((name) => name.replace('.amazonaws.com', ''));
    return `| ${nameOf(id)} | ${services.join(', ')} | ${byService(allowed.get(id) ?? new Set()) || 'its own logs'} |`;
  });
  return `${HEAD}${rows.sort().join('\n')}\n`;
}
