/**
 * A foreign page in real Chromium, open while the local host runs. It sends requests to every port by every means that a page
 * has. It must read nothing and change nothing.
 */
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { host, output, s3, userA } from '../host/support.ts';
import { findChromium } from './chromium.ts';
import { type Attempt, type ForeignSite, foreignSite, readByFetch } from './foreign-site.ts';

let site: ForeignSite;
let browser: Browser;
let foreign: Page;
beforeAll(async () => {
  site = await foreignSite();
  browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox', '--disable-gpu'] });
  foreign = await browser.newPage();
  await foreign.goto(site.url);
});
afterAll(async () => {
  await browser.close();
  site.stop();
});

const call = (url: string, method = 'GET', headers: Record<string, string> = {}, body?: object): Attempt => ({
  url,
  method,
  headers,
  ...(body !== undefined && { body: JSON.stringify(body) }),
});
const target = (name: string) => ({ 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': name });
/** The emulator's public default access key, with an invalid signature. */
const forged = (service: string) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=00`,
});

const FUNCTION = {
  FunctionName: 'foreign',
  Runtime: 'nodejs22.x',
  Handler: 'index.handler',
  Role: 'arn:aws:iam::000000000000:role/x',
  Code: { ZipFile: '' },
};
const attempts = (): Attempt[] => {
  const { endpoint, pagesUrl } = host;
  const signIn = {
    AuthFlow: 'USER_PASSWORD_AUTH',
    ClientId: output('UserPoolClientId'),
    AuthParameters: { USERNAME: 'admin@example.com', PASSWORD: host.password },
  };
  return [
    call(`${endpoint}/2015-03-31/functions`, 'POST', forged('lambda'), FUNCTION),
    call(`${endpoint}/2015-03-31/functions/${output('ReaperName')}/invocations`, 'POST', forged('lambda'), {}),
    call(
      endpoint,
      'POST',
      { ...target('DynamoDB_20120810.Scan'), ...forged('dynamodb') },
      { TableName: output('SessionsTable') },
    ),
    call(endpoint, 'POST', target('DynamoDB_20120810.Scan'), { TableName: output('SessionsTable') }),
    call(endpoint, 'POST', target('AWSCognitoIdentityProviderService.InitiateAuth'), signIn),
    call(endpoint),
    call(`${endpoint}/${output('BucketName')}`),
    call(`${endpoint}/${output('BucketName')}/foreign`, 'PUT', {}, { foreign: true }),
    call(`${endpoint}/_ministack/ses/messages`),
    call(`${endpoint}/_ministack/reset`, 'POST'),
    call(`${host.apiUrl}/api/sessions`),
    call(`${host.apiUrl}/api/health`),
    call(`${host.metadataUrl}/i-1/latest/api/token`, 'PUT'),
    call(`${host.metadataUrl}/i-1/latest/meta-data/spot/instance-action`),
    call(pagesUrl),
    call(`${pagesUrl}/config.json`),
    call(`${pagesUrl}/api/health`),
    call(`${pagesUrl}/api/sessions`, 'POST', { authorization: `Bearer ${host.tokens.a}` }, { title: 'foreign' }),
    call(
      `${pagesUrl}/sign-in`,
      'POST',
      { 'content-type': 'application/json' },
      { code: new URL(host.signInAddress).hash.slice(6) },
    ),
  ];
};

test('a foreign page reads nothing from any port by fetch, with and without CORS [host.loopback]', async () => {
  for (const attempt of attempts()) {
    const read = await foreign.evaluate(readByFetch, attempt);
    expect([attempt.url, read]).toEqual([attempt.url, ['', '', '']]);
  }
});

test('a foreign page reads nothing by forms, scripts, frames, sockets and windows [host.loopback]', async () => {
  const { endpoint, pagesUrl, apiUrl } = host;
  const jwks = `${endpoint}/${output('UserPoolId')}/.well-known/jwks.json`;
  for (const url of [
    endpoint,
    `${endpoint}/${output('BucketName')}`,
    `${apiUrl}/api/sessions`,
    jwks,
    `${pagesUrl}/config.json`,
  ]) {
    const seen = await foreign.evaluate(async (address) => {
      const before = Object.keys(window).length;
      const element = (name: 'script' | 'iframe'): Promise<string> =>
        new Promise((resolve) => {
          const made = document.createElement(name);
          const end = (): void => {
            const frame = made instanceof HTMLIFrameElement ? (made.contentDocument?.body.textContent ?? '') : '';
            made.remove();
            resolve(frame);
          };
          made.onload = end;
          made.onerror = end;
          made.src = address;
          document.body.append(made);
        });
      const socket: Promise<string> = new Promise((resolve) => {
        const made = new WebSocket(address.replace('http', 'ws'));
        made.onopen = () => resolve('open');
        made.onerror = () => resolve('');
      });
      return [await element('script'), await element('iframe'), await socket, Object.keys(window).length - before];
    }, url);
    expect([url, seen]).toEqual([url, ['', '', '', 0]]);
  }
  for (const { url, body } of attempts().filter(({ method }) => method === 'POST')) {
    const responded = foreign.waitForResponse((response) => response.url() === new URL(url).href);
    await foreign.evaluate(
      ([action, name]) => {
        const frame = Object.assign(document.createElement('iframe'), { name: 'answer' });
        const form = Object.assign(document.createElement('form'), {
          action,
          method: 'POST',
          enctype: 'text/plain',
          target: 'answer',
        });
        form.append(Object.assign(document.createElement('input'), { name }));
        document.body.replaceChildren(frame, form);
        form.submit();
      },
      [url, body ?? 'x'] as const,
    );
    expect([url, (await responded).status()]).toEqual([url, 403]);
  }
});

test('a host name that an attacker points to this machine reaches no port [host.loopback]', async () => {
  const rebinding = await chromium.launch({
    executablePath: findChromium(),
    args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP rebound.example 127.0.0.1'],
  });
  const page = await rebinding.newPage();
  for (const url of [
    `${host.endpoint}/_ministack/ready`,
    host.endpoint,
    `${host.apiUrl}/api/health`,
    `${host.pagesUrl}/config.json`,
    host.metadataUrl,
  ]) {
    const responded = page.waitForResponse((response) => response.url().includes('rebound.example'));
    await page.goto(url.replace('127.0.0.1', 'rebound.example')).catch(() => undefined); // the page has no content
    expect([url, (await responded).status()]).toEqual([url, 421]);
  }
  await rebinding.close();
});

test('nothing has changed, and the one-time address still signs in once [host.secrets]', async () => {
  const { Functions = [] } = await new LambdaClient().send(new ListFunctionsCommand());
  expect(Functions.map(({ FunctionName }) => FunctionName)).not.toContain('foreign');
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: output('BucketName'), Prefix: 'foreign' }));
  expect(Contents).toEqual([]);
  const sessions = await (await userA.call('GET', '/api/sessions')).text();
  expect(sessions).not.toContain('foreign');

  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(host.signInAddress.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')));
  await page.getByText('This sign-in address has already been used or has expired.').waitFor();
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  await page.goto('about:blank');
  await page.goto(host.signInAddress);
  await page.getByRole('button', { name: 'Record', exact: true }).waitFor();
  expect(page.url()).toBe(`${host.pagesUrl}/`);
  await page.reload();
  await page.getByRole('button', { name: 'Record', exact: true }).waitFor();
  await context.close();

  const other = await (await browser.newContext()).newPage();
  await other.goto(host.signInAddress);
  await other.getByText('This sign-in address has already been used or has expired.').waitFor();
  expect(other.url()).toBe(`${host.pagesUrl}/`);
  expect(await (await fetch(`${host.pagesUrl}/config.json`)).text()).not.toContain(host.password);
});
