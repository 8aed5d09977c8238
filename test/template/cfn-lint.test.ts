import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { synthesized } from '../../bin/synthesized.ts';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { EVERYTHING } from './everything.ts';

/** CDK lists dependencies that a reference already implies. */
const REDUNDANT_DEPENDS_ON = 'W3005';

test('cfn-lint has no finding in a stage that uses every option [deployment.template]', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'template-')), 'chunkscribe.template.json');
  writeFileSync(file, JSON.stringify(synthesized(EVERYTHING).template.toJSON()));
  const cfnLint = join(WORKER_PYTHON, '..', 'cfn-lint');
  const options = ['--regions', 'us-east-1', '--ignore-checks', REDUNDANT_DEPENDS_ON, '--', file];
  const { stdout, stderr } = spawnSync(cfnLint, options, { encoding: 'utf8' });
  expect(`${stdout}${stderr}`.trim()).toBe('');
});
