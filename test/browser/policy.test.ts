/** The pages comply with their own content security policy from the first load on. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { recordingClient } from '../../host/recording-client.ts';
import { signIn } from '../../host/users.ts';
import { sampleFile } from '../host/file-client.ts';
import { host, output, sampleChunks } from '../host/support.ts';
import { admin, browser, expectError } from './support.ts';

/** Violations of the policy so far. */
const violations: string[] = [];

async function watchPolicy(page: Page): Promise<void> {
  await page.exposeFunction('policyBroken', (what: string) => void violations.push(what));
  const watch = (): void =>
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) => {
      (window as unknown as { policyBroken(what: string): void }).policyBroken(
        `${violatedDirective} ${blockedURI} by ${sourceFile}, on ${location.hash}`,
      );
    });
  await page.addInitScript(watch);
  await page.evaluate(watch);
}

test('no page violates the content security policy, neither signed out nor signed in [pages.safe]', async () => {
  const context = await (await browser()).newContext();
  const pool = { endpoint: host.endpoint, userPoolId: output('UserPoolId'), clientId: output('UserPoolClientId') };
  const { access } = await signIn(pool, { email: 'admin@example.com', password: host.password }, 'admin');
  const client = recordingClient(host.apiUrl, access);
  const { id } = await client.createSession({ title: 'Under the policy' });
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, chunk);
  await client.complete(id, 1);
  await client.awaitTranscript(id, 90);

  const signedOut = await context.newPage();
  await watchPolicy(signedOut);
  await signedOut.goto(host.pagesUrl);
  await signedOut.getByLabel('Email').waitFor();
  await signedOut.close();

  const page = await admin(context);
  await watchPolicy(page);
  for (const [path, text] of [
    ['record', 'Record'],
    ['sessions', 'Recordings'],
    [`sessions/${id}`, 'Under the policy'],
    ['files', 'Files'],
    ['words', 'Words'],
    ['dashboard', 'Dashboard'],
    ['nowhere', 'Record'],
  ] as const) {
    await page.goto(`${host.pagesUrl}/#/${path}`);
    await page.reload();
    await page.getByText(text).first().waitFor();
    await page.waitForLoadState('networkidle');
  }
  await page.goto(`${host.pagesUrl}/#/files`);
  await page.locator('input[type=file]').first().setInputFiles(sampleFile(20, 'mp3'));
  await page.getByTestId('job').getByRole('link').first().click();
  await page.getByTestId('words').waitFor();
  await page.waitForLoadState('networkidle');
  expect(violations).toEqual([]);

  // A planted violation is reported.
  expectError(/Content Security Policy/);
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'void 0';
    document.head.append(script);
  });
  await expect.poll(() => violations.join()).toMatch(/^script-src-elem inline/);
});
