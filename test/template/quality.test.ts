/** The template as others look at it: cfn-lint, and what a deployment over an older one would replace. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { synthesized } from '../../bin/synthesized.ts';
import { METRICS, METRICS_NAMESPACE } from '../../core/contracts/metrics.ts';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { iamDocument, OF_EVERYTHING } from '../../scripts/iam-document.ts';

const EVERYTHING = {
  amiId: 'ami-0123456789abcdef0',
  domain: 'scribe.example.com',
  certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
  ...OF_EVERYTHING,
  stage: 'prod',
  poolSize: '2',
  alarmEmail: 'ops@example.com',
  retentionDays: '30',
};
/** CDK names what a resource depends on also where a reference says so already. */
const OF_CDK = ['W3005'];
const Resources = z.object({ Resources: z.record(z.string(), z.object({ Type: z.string() })) });
/** Their ids carry a hash of what is in them: a new one with each change, as it must be. */
const MADE_ANEW = /^(ApiGatewayDeployment|.*CurrentVersion|Custom::CDKBucketDeployment)/;

test('cfn-lint finds nothing in a stage that has everything', { timeout: 180_000 }, () => {
  const file = join(mkdtempSync(join(tmpdir(), 'template-')), 'chunkscribe.template.json');
  writeFileSync(file, JSON.stringify(synthesized(EVERYTHING).template.toJSON()));
  const cfnLint = join(WORKER_PYTHON, '..', 'cfn-lint');
  const { stdout, stderr } = spawnSync(cfnLint, ['--regions', 'us-east-1', '--ignore-checks', ...OF_CDK, '--', file], {
    encoding: 'utf8',
  });
  expect(`${stdout}${stderr}`.trim()).toBe('');
});

test('cdk-nag has no finding that is not acknowledged with a reason', () => {
  const { stack } = synthesized(EVERYTHING);
  const { violations } = new AwsSolutionsChecks(stack).validateScope(stack);
  expect(
    violations.map(({ ruleName, violatingResources }) => [ruleName, violatingResources?.map((found) => found.constructPath)]),
  ).toEqual([]);
});

test('a domain of its own comes with its certificate, and may upload; one without the other is refused', () => {
  const { template } = synthesized(EVERYTHING);
  template.hasResourceProperties('AWS::CloudFront::Distribution', {
    DistributionConfig: { Aliases: [EVERYTHING.domain], ViewerCertificate: { AcmCertificateArn: EVERYTHING.certificateArn } },
  });
  template.hasResourceProperties('AWS::S3::Bucket', {
    CorsConfiguration: { CorsRules: [{ AllowedOrigins: Match.arrayWith([`https://${EVERYTHING.domain}`]) }] },
  });
  const { certificateArn: _, ...without } = EVERYTHING;
  expect(() => synthesized(without)).toThrow('one needs the other');
});

test('two stages of one account have no name in common that AWS wants once', () => {
  const ONCE = /^(Bucket|Table|Queue|Topic|Function|Role|LogGroup|LaunchTemplate|Alarm|Dashboard|StateMachine|UserPool)Name$/;
  const ONCE_AT_CLOUDFRONT = /^(ResponseHeadersPolicy|OriginAccessControl)Config$/;
  const names = (stage: string): Set<string> => {
    const found = new Set<string>();
    JSON.stringify(synthesized({ ...EVERYTHING, stage }).template.toJSON(), (key, value) => {
      const name = ONCE_AT_CLOUDFRONT.test(key) ? value.Name : ONCE.test(key) && value;
      if (typeof name === 'string') found.add(name);
      return value;
    });
    return found;
  };
  const [one, two] = [names('one'), names('two')];
  expect(one.size).toBeGreaterThan(3);
  expect([...one].filter((name) => two.has(name))).toEqual([]);
});

test('the dashboard for Grafana shows metrics that there are', () => {
  const Target = z.object({ namespace: z.string(), metricName: z.string() });
  const Page = z.object({ panels: z.array(z.object({ targets: z.array(Target) })) });
  const page = Page.parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../docs/grafana.json'), 'utf8')));
  const shown = page.panels.flatMap(({ targets }) => targets).filter(({ namespace }) => namespace === METRICS_NAMESPACE);
  expect(shown.length).toBeGreaterThan(8);
  expect(shown.map(({ metricName }) => metricName).filter((name) => !Object.values<string>(METRICS).includes(name))).toEqual([]);
});

test('docs/iam.md says what every role may do', () => {
  const document = iamDocument(synthesized(OF_EVERYTHING).template);
  const written = readFileSync(join(import.meta.dirname, '../../docs/iam.md'), 'utf8');
  expect(document, 'make it anew: node scripts/launch.mjs scripts/iam.ts').toBe(written);
});

test('no construct has changed its id: what people have deployed would be replaced, data with it', async () => {
  const { Resources: all } = Resources.parse(synthesized({ stage: 'prod', poolSize: '2' }).template.toJSON());
  const ids = Object.entries(all)
    .filter(([id, { Type }]) => !MADE_ANEW.test(id) && !MADE_ANEW.test(Type))
    .map(([id, { Type }]) => `${id} ${Type}`)
    .sort();
  // A new line is a new resource: vitest run --project fast test/template -u. One that goes needs a word in docs/upgrading.md.
  await expect(`${ids.join('\n')}\n`).toMatchFileSnapshot('../fixtures/logical-ids.txt');
});
