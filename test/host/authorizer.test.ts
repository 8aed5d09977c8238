/** The authorizer refuses every call without a valid token of the stage's client. @see test/handlers/attack-matrix.test.ts */
import { createHmac, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { CALLS } from '../../core/contracts/calls/all.ts';
import { folders } from '../../host/paths.ts';
import { signIn } from '../../host/users.ts';
import { host, output, userA } from './support.ts';

const CANARY = 'canary of the title';
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const [head = '', claims = '', signature = ''] = host.tokens.a.split('.');
const decoded = (part: string) => z.looseObject({}).parse(JSON.parse(Buffer.from(part, 'base64url').toString()));
const [header, mine] = [decoded(head), decoded(claims)];

/** The pool's own key, so that signed tokens are refused only because of their claims. */
const KEYS = join(folders(host.root).state, 'emulator', 'cognito-pool-keys');
const key = readFileSync(join(KEYS, `${output('UserPoolId')}-access.pem`));
function signed(more: object): string {
  const text = `${head}.${encode({ ...mine, ...more })}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}
function signedByPublicKey(): string {
  const text = `${encode({ ...header, alg: 'HS256' })}.${claims}`;
  const secret = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

const REFUSED: Record<string, string | undefined> = {
  'no token': undefined,
  'a scheme without a token': 'Bearer ',
  'a token with another scheme': `Basic ${host.tokens.a}`,
  garbage: 'Bearer garbage',
  'another user in the claims': `Bearer ${head}.${encode({ ...mine, sub: 'somebody-else' })}.${signature}`,
  'admin in the claims': `Bearer ${head}.${encode({ ...mine, 'cognito:groups': ['admin'] })}.${signature}`,
  'a truncated signature': `Bearer ${head}.${claims}.`,
  'alg none': `Bearer ${encode({ ...header, alg: 'none' })}.${claims}.`,
  'a token signed with the public key as HMAC secret': `Bearer ${signedByPublicKey()}`,
  'an unknown key id': `Bearer ${encode({ ...header, kid: 'other' })}.${claims}.${signature}`,
  'an expired token': `Bearer ${signed({ exp: 1 })}`,
  'a token that is not valid yet': `Bearer ${signed({ iat: 9e9, nbf: 9e9 })}`,
  'a token of another issuer': `Bearer ${signed({ iss: 'https://example.com' })}`,
};

const AS_CLIENT = { ClientName: 'foreign', ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH' as const] };
beforeAll(async () => {
  const cognito = new CognitoIdentityProviderClient();
  const { UserPool } = await cognito.send(new CreateUserPoolCommand({ PoolName: 'foreign' }));
  const pools = { 'another client': output('UserPoolId'), 'another pool': UserPool?.Id ?? '' };
  for (const [name, userPoolId] of Object.entries(pools)) {
    const { UserPoolClient } = await cognito.send(new CreateUserPoolClientCommand({ UserPoolId: userPoolId, ...AS_CLIENT }));
    const pool = { endpoint: host.endpoint, userPoolId, clientId: UserPoolClient?.ClientId ?? '' };
    const tokens = await signIn(pool, { email: 'a@example.com', password: host.password });
    REFUSED[`an access token of ${name}`] = `Bearer ${tokens.access}`;
    REFUSED[`an ID token of ${name}`] = `Bearer ${tokens.id}`;
  }
});

test('tokens signed with the pool’s key and the ID token of the stage’s client are valid [security.tenants]', async () => {
  const statusOf = async (token: string): Promise<number> =>
    (await fetch(`${host.apiUrl}/api/sessions`, { headers: { authorization: `Bearer ${token}` } })).status;
  expect([await statusOf(signed({})), await statusOf(host.tokens.aId)]).toEqual([200, 200]);
});

test('every call without a valid token of the stage’s client returns 401, reveals nothing and changes nothing [security.tenants]', async () => {
  const { id } = await userA.createSession({ title: CANARY });
  const before = await userA.session(id);
  expect(Object.keys(REFUSED)).toHaveLength(17);
  for (const [route, { access }] of Object.entries(CALLS)) {
    if (access === 'anyone') continue;
    const [method = '', path = ''] = route.split(' ');
    const url = `${host.apiUrl}${path.replace('{id}', id).replace('{n}', '1')}`;
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: JSON.stringify({ sessionId: id, chunkCount: 0 }) };
    const answers = await Promise.all(
      Object.entries(REFUSED).map(async ([name, authorization]) => {
        const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) };
        const answer = await fetch(url, { method, headers, ...body });
        return { name, status: answer.status, isTold: (await answer.text()).includes(CANARY) };
      }),
    );
    expect(
      answers.filter(({ status, isTold }) => status !== 401 || isTold),
      route,
    ).toEqual([]);
  }
  expect(await userA.session(id)).toEqual(before);
});
