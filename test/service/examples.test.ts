/** The OpenAI examples of docs/examples. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { PROJECT, WORKER_PYTHON } from '../../host/paths.ts';
import { SAMPLE } from '../support/fixture-sample.ts';

const { url } = inject('service');

test.each([
  ['openai-sdk.py', WORKER_PYTHON],
  ['openai-sdk.ts', process.execPath],
  ['openai-curl.sh', 'sh'],
])('docs/examples/%s prints the transcript of a file [service.openai]', (example, program) => {
  const { status, stdout, stderr } = spawnSync(program, [join('docs', 'examples', example), SAMPLE], {
    cwd: PROJECT,
    encoding: 'utf8',
    env: { ...process.env, SERVICE_URL: url },
  });
  expect(stderr.replace(/\(node:\d+\) (ExperimentalWarning|\[).*|\(Use `node.*/g, '').trim()).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain('hello everyone and welcome');
});
