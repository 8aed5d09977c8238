import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { synthesized } from '../../bin/synthesized.ts';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { EVERYTHING } from './everything.ts';
import { ownImage } from './own-image.ts';

/** CDK lists dependencies that a reference already implies. */
const REDUNDANT_DEPENDS_ON = 'W3005';

test.each([
  ['a stage that uses every option', () => synthesized(EVERYTHING).template],
  ['the stack that builds an image', () => ownImage().template],
])('cfn-lint has no finding in %s [deployment.template, deployment.own-image]', (_what, template) => {
  const file = join(mkdtempSync(join(tmpdir(), 'template-')), 'chunkscribe.template.json');
  writeFileSync(file, JSON.stringify(template().toJSON()));
  const cfnLint = join(WORKER_PYTHON, '..', 'cfn-lint');
  const options = ['--regions', 'us-east-1', '--ignore-checks', REDUNDANT_DEPENDS_ON, '--', file];
  const { stdout, stderr } = spawnSync(cfnLint, options, { encoding: 'utf8' });
  expect(`${stdout}${stderr}`.trim()).toBe('');
});
