/** All calls of the API x all callers: access is as declared; refused callers learn nothing and change nothing. */
import { expect, test } from 'vitest';
import { CALLS } from '../../core/contracts/calls/all.ts';
import { accessClaims, CLIENT_ID } from '../support/api-event.ts';
import { attackWorld, CALLERS, EXAMPLES, OTHER, SECRET } from '../support/attack-world.ts';
import { USER } from '../support/rows.ts';

type Claims = Readonly<Record<string, string>> | undefined;
const idClaims = (sub: string, aud: string): Claims => ({ sub, aud, token_use: 'id' });
const FOREIGN = 'client-2';

const OWNERS: Readonly<Record<string, Claims>> = {
  'the owner': CALLERS.MINE,
  'the owner with an ID token': idClaims(USER, CLIENT_ID),
};
const ADMINS: Readonly<Record<string, Claims>> = {
  'an admin': CALLERS.ADMIN,
  'an admin of several groups': accessClaims('ada', { 'cognito:groups': '[editors admin]' }),
};
const OTHERS: Readonly<Record<string, Claims>> = {
  'another user': accessClaims(OTHER),
  'another user with an ID token': idClaims(OTHER, CLIENT_ID),
  'a member of groups whose names contain admin': accessClaims(OTHER, { 'cognito:groups': '[admins not-admin admin-x Admin]' }),
  'a user with irrelevant claims': accessClaims(OTHER, { groups: 'admin', scope: 'admin', 'custom:role': 'admin' }),
};
/** Tokens that the authorizer would accept, or that arrive without an authorizer. */
const REFUSED: Readonly<Record<string, Claims>> = {
  'no token': undefined,
  'an access token of another client': { ...CALLERS.ADMIN, client_id: FOREIGN },
  'an ID token of another client': idClaims(USER, FOREIGN),
  'an access token of another client that names ours as its audience': { ...CALLERS.MINE, client_id: FOREIGN, aud: CLIENT_ID },
  'an ID token of another client that names ours as its client': {
    sub: USER,
    token_use: 'id',
    aud: FOREIGN,
    client_id: CLIENT_ID,
  },
  'a refresh token': { ...CALLERS.MINE, token_use: 'refresh' },
  'a token without token_use': { sub: USER, client_id: CLIENT_ID, aud: CLIENT_ID },
  'a user id that is a path': accessClaims(`../${USER}`),
  'no user id': { token_use: 'access', client_id: CLIENT_ID },
};

/** Calls open to every user that return more to admins. */
const OF_ALL_FOR_ADMINS = ['GET /api/batch/pending', 'GET /api/batch/lock-status'];

type Expected = 'success' | 401 | 403 | 'own';
const FOR_OTHERS = { own: 'own', owner: 403, 'owner-alone': 403, admin: 403, anyone: 'success' } as const;
const FOR_ADMINS = { own: 'own', owner: 'success', 'owner-alone': 403, admin: 'success', anyone: 'success' } as const;
const FOR_OWNERS = { own: 'success', owner: 'success', 'owner-alone': 'success', admin: 403, anyone: 'success' } as const;

test('the matrix covers all calls [security.tenants]', () =>
  expect(Object.keys(EXAMPLES).sort()).toEqual(Object.keys(CALLS).sort()));

type World = Awaited<ReturnType<typeof attackWorld>>;

/** Makes the call as this caller, and checks its response and its effects. */
async function check(w: World, route: string, claims: Claims, expected: Expected): Promise<void> {
  const answers = Object.keys(CALLS[route]?.answers ?? {});
  const before = { owner: await w.ofOwner(), shared: await w.shared() };
  const answer = await w.call(route, claims);
  const said = JSON.stringify(answer);
  if (expected === 'success') return expect(answers, said).toContain(String(answer.status));
  const isTold = claims?.['sub'] === CALLERS.ADMIN.sub && OF_ALL_FOR_ADMINS.includes(route);
  if (!isTold) expect(said).not.toMatch(SECRET);
  expect(await w.ofOwner()).toBe(before.owner);
  // Resources of the owner do not exist for other users.
  if (expected === 'own')
    return expect([...answers, ...(route.includes('{id}') ? ['404'] : [])], said).toContain(String(answer.status));
  expect(answer).toMatchObject({ status: expected, body: { code: expected === 401 ? 'unauthorized' : 'forbidden' } });
  expect(await w.shared()).toBe(before.shared);
}

test.each(Object.entries(CALLS))('%s [security.tenants, api.owner, gpu.by-hand]', async (route, { access }) => {
  const all = (callers: Readonly<Record<string, Claims>>, expected: Expected) =>
    Object.entries(callers).map(([name, claims]) => ({ name, claims, expected }));
  const callers = [
    ...all(REFUSED, access === 'anyone' ? 'success' : 401),
    ...all(OTHERS, FOR_OTHERS[access]),
    ...all(ADMINS, FOR_ADMINS[access]),
    ...all(OWNERS, FOR_OWNERS[access]),
  ];
  const untouched = await attackWorld();
  expect(await untouched.ofOwner()).toMatch(SECRET);
  for (const { name, claims, expected } of callers) {
    const w = expected === 401 || expected === 403 ? untouched : await attackWorld();
    await check(w, route, claims, expected).catch((error: Error) => {
      throw new Error(`${route} as ${name}: ${error.message}`, { cause: error });
    });
  }
});
