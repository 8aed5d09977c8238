/** The template compared with cdk-nag's rules, with the documents, and with the construct ids of deployed stages. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { buildFunctions } from '../../bin/build-functions.ts';
import { synthesized } from '../../bin/synthesized.ts';
import { METRICS, METRICS_NAMESPACE } from '../../core/contracts/metrics.ts';
import { ALL_FEATURES, iamDocument } from '../../scripts/iam-document.ts';
import { EVERYTHING } from './everything.ts';

const Resources = z.object({ Resources: z.record(z.string(), z.object({ Type: z.string() })) });
/** Ids of these resources contain a hash of their content, so every change replaces them. */
const HASHED = /^(ApiGatewayDeployment|.*CurrentVersion|Custom::CDKBucketDeployment)/;

test('cdk-nag has no finding except those that are acknowledged with a reason [security.template]', () => {
  const { stack } = synthesized(EVERYTHING);
  const { violations } = new AwsSolutionsChecks(stack).validateScope(stack);
  expect(
    violations.map(({ ruleName, violatingResources }) => [ruleName, violatingResources?.map((found) => found.constructPath)]),
  ).toEqual([]);
});

test('a custom domain has its certificate and may upload; a domain without a certificate is refused [deployment.template]', () => {
  const { template } = synthesized(EVERYTHING);
  template.hasResourceProperties('AWS::CloudFront::Distribution', {
    DistributionConfig: { Aliases: [EVERYTHING.domain], ViewerCertificate: { AcmCertificateArn: EVERYTHING.certificateArn } },
  });
  template.hasResourceProperties('AWS::S3::Bucket', {
    CorsConfiguration: { CorsRules: [{ AllowedOrigins: Match.arrayWith([`https://${EVERYTHING.domain}`]) }] },
  });
  const { certificateArn: _, ...without } = EVERYTHING;
  expect(() => synthesized(without)).toThrow('must be set together');
});

test('two stages in one account share no name that AWS requires to be unique [deployment.guide]', () => {
  const UNIQUE = /^(Bucket|Table|Queue|Topic|Function|Role|LogGroup|LaunchTemplate|Alarm|Dashboard|StateMachine|UserPool)Name$/;
  const UNIQUE_IN_CLOUDFRONT = /^(ResponseHeadersPolicy|OriginAccessControl)Config$/;
  const names = (stage: string): Set<string> => {
    const found = new Set<string>();
    JSON.stringify(synthesized({ ...EVERYTHING, stage }).template.toJSON(), (key, value) => {
      const name = UNIQUE_IN_CLOUDFRONT.test(key) ? value.Name : UNIQUE.test(key) && value;
      if (typeof name === 'string') found.add(name);
      return value;
    });
    return found;
  };
  const [one, two] = [names('one'), names('two')];
  expect(one.size).toBeGreaterThan(3);
  expect([...one].filter((name) => two.has(name))).toEqual([]);
});

test('the Grafana dashboard shows only existing metrics [deployment.template]', () => {
  const Target = z.object({ namespace: z.string(), metricName: z.string() });
  const Page = z.object({ panels: z.array(z.object({ targets: z.array(Target) })) });
  const page = Page.parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../docs/grafana.json'), 'utf8')));
  const shown = page.panels.flatMap(({ targets }) => targets).filter(({ namespace }) => namespace === METRICS_NAMESPACE);
  expect(shown.length).toBeGreaterThan(8);
  expect(shown.map(({ metricName }) => metricName).filter((name) => !Object.values<string>(METRICS).includes(name))).toEqual([]);
});

test('docs/iam.md lists the permissions of every role [deployment.template]', () => {
  const document = iamDocument(synthesized(ALL_FEATURES).template);
  const written = readFileSync(join(import.meta.dirname, '../../docs/iam.md'), 'utf8');
  expect(document, 'update it: node scripts/launch.mjs scripts/documents.ts').toBe(written);
});

test('only the functions that return transcripts contain the library for Word documents', () => {
  const functions = globSync('*/index.mjs', { cwd: buildFunctions() });
  expect(functions.length).toBeGreaterThan(15);
  const withLibrary = functions.filter((file) =>
    readFileSync(join(buildFunctions(), file), 'utf8').includes('wordprocessingml/2006'),
  );
  expect(withLibrary.sort()).toEqual(['jobs-api/index.mjs', 'transcripts-api/index.mjs']);
});

test('a stage with every option is far below the 500 resources of CloudFormation, with one permission per function of the API', () => {
  const { template } = synthesized(ALL_FEATURES);
  expect(Object.keys(Resources.parse(template.toJSON()).Resources).length).toBeLessThan(450);
  const ofApi = template.findResources('AWS::Lambda::Permission', { Properties: { Principal: 'apigateway.amazonaws.com' } });
  const functions = Object.values(ofApi).map(({ Properties }) => JSON.stringify(Properties.FunctionName));
  expect(functions.length).toBeGreaterThan(5);
  expect(new Set(functions).size).toBe(functions.length);
});

test('no construct id has changed, because a deployment would replace the resource and its data [deployment.template]', async () => {
  const { Resources: all } = Resources.parse(synthesized({ stage: 'prod', poolSize: '2' }).template.toJSON());
  const ids = Object.entries(all)
    .filter(([id, { Type }]) => !HASHED.test(id) && !HASHED.test(Type))
    .map(([id, { Type }]) => `${id} ${Type}`)
    .sort();
  // Accept new resources with `vitest run --project fast test/template -u`. Describe removed ones in docs/upgrading.md.
  await expect(`${ids.join('\n')}\n`).toMatchFileSnapshot('../fixtures/logical-ids.txt');
});
