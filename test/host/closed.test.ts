/** The local host is closed to foreign pages and to other users of the machine. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetFunctionCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { refusal } from '../../host/guard.ts';
import { keysOf } from '../../host/home-keys.ts';
import { readMails } from '../../host/mails.ts';
import { PROJECT } from '../../host/paths.ts';
import { signIn } from '../../host/users.ts';
import { bytes, host, output, s3, userA } from './support.ts';

const Row = z.object({ host: z.string(), origin: z.string().optional(), status: z.number().optional() });
const ROWS = z
  .array(Row)
  .parse(JSON.parse(readFileSync(join(PROJECT, 'test', 'fixtures', 'contracts', 'local-requests.json'), 'utf8')));
const port = Number(new URL(host.endpoint).port);
const pages = Number(new URL(host.pagesUrl).port);

/** Sends a request with exactly these headers; returns its status. */
const statusOf = (to: number, path: string, headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: to, path, headers, setHost: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });

test('both ports refuse foreign host names and origins by the same rule [host.loopback]', async () => {
  const own = (text: string, of: number): string => text.replace('{port}', String(of)).replace('{pages}', String(pages));
  for (const row of ROWS)
    for (const [of, path] of [
      [port, '/_ministack/ready'],
      [pages, '/config.json'],
    ] as const) {
      const headers = { host: own(row.host, of), ...(row.origin !== undefined && { origin: own(row.origin, of) }) };
      expect([of, headers, await statusOf(of, path, headers)]).toEqual([of, headers, row.status ?? 200]);
      expect(refusal({ headers }, of, pages)).toBe(row.status);
    }
});

const cognito = async (action: string, body: object): Promise<{ status: number; kind: string }> => {
  const answer = await fetch(host.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSCognitoIdentityProviderService.${action}`,
    },
    body: JSON.stringify({ ClientId: output('UserPoolClientId'), ...body }),
  });
  return { status: answer.status, kind: z.object({ __type: z.string().default('') }).parse(await answer.json()).__type };
};

test("AWS calls that are not signed with a key of this home get AWS's errors [host.secrets]", async () => {
  const unsigned = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${host.endpoint}${path}`, init);
    return [answer.status, await answer.text()];
  };
  const target = (name: string): RequestInit => ({ method: 'POST', headers: { 'x-amz-target': name }, body: '{}' });
  expect(await unsigned('/')).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')]);
  expect(await unsigned('/', target('DynamoDB_20120810.Scan'))).toEqual([
    400,
    expect.stringContaining('MissingAuthenticationToken'),
  ]);
  expect(await unsigned('/_aws/execute-api/', target('DynamoDB_20120810.Scan'))).toEqual([
    400,
    expect.stringContaining('MissingAuthenticationToken'),
  ]);
  for (const [path, init] of [
    ['/2015-03-31/functions', { method: 'POST', body: '{}' }],
    ['/?Action=ListUsers', { method: 'POST' }],
    ['/_ministack/ses/messages', {}],
    [`/${output('BucketName')}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/20260101/us-east-1/s3/aws4_request`, {}],
    ['/_aws/lambda-url/any/', {}],
    ['/oauth2/token', { method: 'POST' }],
  ] as const)
    expect([path, (await unsigned(path, init))[0]]).toEqual([path, 403]);
  for (const path of ['/_ministack/reset', '/_ministack/config', '/_localstack/health'])
    expect((await unsigned(path, { method: 'POST', body: '{}' }))[0]).toBe(404);

  const guessed = { accessKeyId: 'test', secretAccessKey: 'test' };
  const wrong = { ...host.credentials, secretAccessKey: 'wrong' };
  const unknown = { accessKeyId: 'ASIAMACHINE000000000', secretAccessKey: 'ASIAMACHINE000000000' };
  const tables = (credentials: typeof wrong) =>
    new DynamoDBClient({ credentials }).send(new DescribeTableCommand({ TableName: output('SessionsTable') }));
  await expect(tables(guessed)).rejects.toMatchObject({ name: 'InvalidSignatureException' });
  await expect(tables(wrong)).rejects.toMatchObject({ name: 'InvalidSignatureException' });
  await expect(tables(unknown)).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
  const buckets = new S3Client({ credentials: wrong }).send(new ListBucketsCommand());
  await expect(buckets).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
  await expect(new LambdaClient({ credentials: guessed }).send(new ListFunctionsCommand())).rejects.toThrow();
  expect((await tables(host.credentials)).Table?.TableName).toBe(output('SessionsTable'));
});

test('the credentials of a function cannot be computed from its name [host.secrets]', async () => {
  const { Configuration } = await new LambdaClient().send(new GetFunctionCommand({ FunctionName: output('ReaperName') }));
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  const digest = hash(`${Configuration?.FunctionArn}:${Configuration?.Role}`);
  const computed = {
    accessKeyId: `ASIA${digest.slice(0, 16).toUpperCase()}`,
    secretAccessKey: hash(`secret:${digest}`),
    sessionToken: hash(`token:${digest}`),
  };
  const table = new DescribeTableCommand({ TableName: output('FleetTable') });
  await expect(new DynamoDBClient({ credentials: computed }).send(table)).rejects.toMatchObject({
    name: 'UnrecognizedClientException',
  });
});

test('unsigned requests that AWS serves are served: the API, public keys, sign-in; only an admin can create accounts [host.secrets]', async () => {
  expect((await fetch(`${host.apiUrl}/api/health`)).status).toBe(200);
  const keys = await fetch(`${host.endpoint}/${output('UserPoolId')}/.well-known/jwks.json`);
  expect(await keys.json()).toMatchObject({ keys: expect.arrayContaining([expect.objectContaining({ kty: 'RSA' })]) });
  const parameters = (PASSWORD: string) => ({
    AuthFlow: 'USER_PASSWORD_AUTH',
    AuthParameters: { USERNAME: 'b@example.com', PASSWORD },
  });
  expect((await cognito('InitiateAuth', parameters(host.password))).status).toBe(200);
  expect(await cognito('InitiateAuth', parameters('wrong'))).toEqual({ status: 400, kind: 'NotAuthorizedException' });
  const stranger = { Username: 'stranger@example.com', Password: 'Stranger-password-1!' };
  expect(await cognito('SignUp', stranger)).toEqual({ status: 400, kind: 'NotAuthorizedException' });
  expect((await cognito('AdminCreateUser', { UserPoolId: output('UserPoolId'), Username: 'stranger@example.com' })).status).toBe(
    400,
  );

  await cognito('ForgotPassword', { Username: 'b@example.com' });
  for (const ConfirmationCode of ['654321', '123456']) {
    const reset = { Username: 'b@example.com', ConfirmationCode, Password: 'Stolen-password-1!' };
    expect(await cognito('ConfirmForgotPassword', reset)).toEqual({ status: 400, kind: 'CodeMismatchException' });
  }
  const [, code = ''] = /\b([0-9a-f]{16})\b/.exec(await readMails(host)) ?? [];
  const reset = { Username: 'b@example.com', ConfirmationCode: code, Password: host.password };
  expect((await cognito('ConfirmForgotPassword', reset)).status).toBe(200);
});

test('when the host signs in a user with a new password, the old one stops working, as for the demo user of an older home [host.secrets]', async () => {
  const pool = { endpoint: host.endpoint, userPoolId: output('UserPoolId'), clientId: output('UserPoolClientId') };
  const email = 'older@example.com';
  const withPassword = (PASSWORD: string) =>
    cognito('InitiateAuth', { AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters: { USERNAME: email, PASSWORD } });
  await signIn(pool, { email, password: 'Demo-password-1!' });
  expect((await withPassword('Demo-password-1!')).status).toBe(200);
  const { password } = keysOf(host.root).demo;
  await signIn(pool, { email, password });
  expect((await withPassword(password)).status).toBe(200);
  expect(await withPassword('Demo-password-1!')).toEqual({ status: 400, kind: 'NotAuthorizedException' });
});

test('an upload URL accepts only its own request: no second authorization, no unsigned x-amz header, no change, no later use [host.secrets]', async () => {
  const { id } = await userA.createSession();
  const chunk = bytes('no audio');
  const { upload } = await userA.presign(id, 1, chunk);
  const { 'content-length': _length, ...headers } = upload.headers;
  const put = async (url: string, more: Record<string, string> = {}) => {
    const answer = await fetch(url, { method: 'PUT', headers: { ...headers, ...more }, body: new Uint8Array(chunk.bytes) });
    return [answer.status, /<Code>(\w+)<\/Code>/.exec(await answer.text())?.[1]];
  };
  expect(await put(upload.url, { authorization: 'Bearer x' })).toEqual([400, 'InvalidArgument']);
  expect(await put(upload.url, { 'x-amz-meta-a': 'b' })).toEqual([403, 'AccessDenied']);
  expect(await put(upload.url.replace('chunk-001', 'chunk-002'))).toEqual([403, 'SignatureDoesNotMatch']);
  expect(await put(upload.url, { origin: 'http://127.0.0.1:1' })).toEqual([403, undefined]);
  expect(await put(upload.url)).toEqual([200, undefined]);
  const old = { expiresIn: 60, signingDate: new Date(Date.now() - 120_000) };
  const Bucket = output('BucketName');
  expect(await put(await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'x' }), old))).toEqual([403, 'AccessDenied']);
  const foreign = new S3Client({ forcePathStyle: true, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
  const guessed = await fetch(await getSignedUrl(foreign, new GetObjectCommand({ Bucket, Key: 'x' })));
  expect([guessed.status, await guessed.text()]).toEqual([403, expect.stringContaining('SignatureDoesNotMatch')]);
  const own = await fetch(upload.url, {
    method: 'OPTIONS',
    headers: { origin: host.pagesUrl, 'access-control-request-method': 'PUT' },
  });
  expect(own.headers.get('access-control-allow-origin')).toBe(host.pagesUrl);
});

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* filesBelow(join(folder, entry.name));
    else if (entry.isFile()) yield join(folder, entry.name);
  }
}

test('other users of the machine cannot read the home [host.secrets]', () => {
  expect(statSync(host.root).mode & 0o777).toBe(0o700);
  expect(statSync(join(host.root, 'keys.json')).mode & 0o777).toBe(0o600);
  expect(host.credentials).toMatchObject(keysOf(host.root).operator);
  if (process.getuid?.() !== 0) return; // only root can become another user
  const NOBODY = 65534;
  const reads = (file: string): boolean => spawnSync('cat', [file], { uid: NOBODY, gid: NOBODY }).status === 0;
  expect(reads('/etc/hostname')).toBe(true);
  expect(
    [...filesBelow(host.root)]
      .filter((file) => existsSync(file))
      .slice(0, 50)
      .filter(reads),
  ).toEqual([]);
  expect(spawnSync('ls', [host.root], { uid: NOBODY, gid: NOBODY }).status).not.toBe(0);
});
