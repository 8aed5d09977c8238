/** The API: rights, limits and stores. */
import type { Requirement } from './requirement.ts';

export const apiRequirements: readonly Requirement[] = [
  {
    id: 'security.logs',
    sentence: 'Logs contain no transcript text, token or signed URL.',
    tests: [
      'test/host/recording.test.ts: logs contain no transcript text, token or signed URL',
      'test/template/template.test.ts: the logs of the workflow and the API cannot contain',
    ],
  },
  {
    id: 'security.tenants',
    sentence: "Access to another user's session is a 403 and changes nothing. Only tokens of the stage's own client are valid.",
    tests: [
      "test/host/bad-input.test.ts: another user's session is 403, an unknown one 404",
      'test/host/authorizer.test.ts: every call without a valid token',
      'test/host/authorizer.test.ts: tokens signed with the pool’s key and the ID token of the stage’s client are valid',
      "test/host/bad-input.test.ts: an object under another user's session does not change it",
      'test/handlers/attack-matrix.test.ts: the matrix covers all calls',
      'test/handlers/attack-matrix.test.ts: %s',
    ],
  },
  {
    id: 'security.template',
    sentence: 'Storage is private and encrypted, machines have no open ports, and permissions are minimal.',
    tests: [
      'test/template/quality.test.ts: cdk-nag has no finding',
      'test/template/template.test.ts: the machine has no open ports',
    ],
  },
  {
    id: 'stores.contract',
    sentence: 'The memory and DynamoDB stores behave the same.',
    tests: [
      'test/contracts/chunk-store-suite.ts: of two new rows with one chunk number',
      'test/contracts/messages.test.ts: a new chunk row equals',
    ],
  },
  {
    id: 'keys',
    sentence: 'The server builds every key, and no other key is parsed as a chunk.',
    tests: [
      'test/core/keys.test.ts: parsing a chunk key returns what it was built from',
      'test/core/keys.test.ts: %s is not a chunk key',
    ],
  },
  {
    id: 'code.rooms',
    sentence: 'Rooms import only what their rules allow, and no source file exceeds 400 lines.',
    tests: [
      'test/repository/size.test.ts: no source file is longer than',
      'test/repository/import-rules.test.ts: a planted violation of %s is reported',
    ],
  },
  {
    id: 'api.described',
    sentence:
      'The API description is generated from the schemas that parse its requests. The served document is up to date and complete.',
    tests: [
      'test/repository/openapi.test.ts: docs/openapi.json is up to date',
      'test/repository/openapi.test.ts: the document has exactly the routes of the template',
      'test/repository/openapi.test.ts: every operation has a unique id and a declared tag',
      'test/repository/documents.test.ts: docs/%s is up to date: node scripts/launch.mjs scripts/documents.ts writes it',
    ],
  },
  {
    id: 'clients.examples',
    sentence: 'The recorder examples in the docs work as described.',
    tests: ['test/host/sessions.test.ts: the %s example of docs/recording-clients.md'],
  },
  {
    id: 'api.quota',
    sentence:
      'A flood of calls by one user gets 429 with Retry-After, which our clients obey, and affects no other user. Five times the maximum calls of our own pages are never refused.',
    tests: [
      'test/handlers/recording-api.test.ts: a flood by one user is limited until the minute ends',
      'test/handlers/limits.test.ts: a flood of reads by one user gets a 429, and works again after Retry-After',
      'test/handlers/limits.test.ts: retries, completions and corrections of one user',
      'test/handlers/limits.test.ts: every call that changes something is counted',
      'test/web/rates.test.ts: five times the maximum calls of our own pages are never rejected',
      'test/web/rates.test.ts: five recorders of one user that come back online can upload two hours each within a minute',
      'test/web/follow.test.ts: a page waits at least Retry-After before the next poll',
      'test/cli/too-many.test.ts: the command line and the MCP server wait',
      'test/cli/too-many.test.ts: the number of retries is limited, and a used-up quota is not retried',
      'test/template/template.test.ts: the rate of the whole API is a parameter',
    ],
  },
  {
    id: 'api.lists',
    sentence:
      'Every page of a list but the last is full, even if rows in between are deleted or filtered, and cursors skip no row.',
    tests: [
      'test/handlers/lists.test.ts: if the newest 55 recordings are deleted, the first page has the remaining ones',
      'test/handlers/lists.test.ts: if the newest 55 files are deleted or in another state, the first page has the remaining ones',
      'test/handlers/lists.test.ts: the first page of reports skips newer dry runs',
      'test/handlers/lists.test.ts: the pages of a list are full and contain each row once in order, with %d rows per DynamoDB page',
      'test/handlers/lists.test.ts: a list with almost only deleted recordings makes a bounded number of queries per page, and can be continued',
      'test/handlers/lists.test.ts: the cursor %s is refused',
    ],
  },
  {
    id: 'api.held',
    sentence:
      'Markup in any text stays plain text in every response and page. Concurrent uploads with duplicates and gaps create one row per chunk.',
    tests: [
      'test/handlers/held.test.ts: %j in any text of a recording is returned as plain text in every format',
      'test/handlers/held.test.ts: %j as the name and prompt of a file is returned as JSON',
      'test/handlers/held.test.ts: the pages never interpret text as markup or code',
      'test/handlers/held.test.ts: 200 chunks of 8 concurrent clients, with duplicates and holes, become one row each, and the holes are listed',
      'test/host/bad-input.test.ts: an upload URL is valid only for its key, headers and lifetime',
    ],
  },
  {
    id: 'api.owner',
    sentence: 'Only the owner of a session and admins can call its routes. A deleted session is reported as deleted.',
    tests: [
      'test/handlers/attack-matrix.test.ts: %s',
      'test/handlers/sessions-api.test.ts: %s returns 404 for an unknown session',
    ],
  },
];
