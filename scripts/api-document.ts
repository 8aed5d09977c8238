/** Generates docs/api.md, all calls of the HTTP API by group, from core/contracts/calls. */
import * as z from 'zod';
import { CALLS, TAGS, tagOf } from '../core/contracts/calls/all.ts';
import type { ApiCall } from '../core/contracts/calls/call.ts';

const HEAD = `# HTTP API

Every call needs an access token of the stage's user pool (\`Authorization: Bearer …\`), unless its access is *anyone*. \`npx chunkscribe token\` prints one.
Errors are \`application/problem+json\` with a stable \`code\`. Any call with a token can also fail with \`unauthorized\`, \`invalid\` (with \`issues\`) and
\`too-many\` (with \`Retry-After\`: [limits](recording-clients.md#limits-of-a-user)). [openapi.json](openapi.json) has all schemas, and each stage serves it at
\`GET /api/openapi.json\`. [Recording clients](recording-clients.md) and [files](files.md) describe the order of calls. This page is generated from
\`core/contracts/calls\` by \`node scripts/launch.mjs scripts/documents.ts\`; a test checks that it is up to date.

Access: *user*: every user, for their own data. *owner*: the owner of the session or job, and admins. *owner only*: the owner, but not admins. *admin*: members of
the group \`admin\`. *anyone*: also without a token. Optional body fields end with \`?\`. Query parameters are optional unless [openapi.json](openapi.json) requires them.
`;
const COLUMNS = '| call | | access | success | errors |\n|---|---|---|---|---|\n';
const ACCESS: Readonly<Record<ApiCall['access'], string>> = {
  own: 'user',
  owner: 'owner',
  'owner-alone': 'owner only',
  admin: 'admin',
  anyone: 'anyone',
};

const Fields = z.looseObject({
  properties: z.record(z.string(), z.unknown()).default({}),
  required: z.array(z.string()).default([]),
});

/** Names of the fields of a schema, such as `['title?', 'language?']`. */
function fieldsOf(schema: z.ZodType | undefined): string[] {
  if (schema === undefined) return [];
  const { properties, required } = Fields.parse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  return Object.keys(properties).map((name) => (required.includes(name) ? name : `${name}?`));
}

function row(route: string, call: ApiCall): string {
  const [query, body] = [fieldsOf(call.query), fieldsOf(call.body)];
  const input = [
    query.length > 0 && ` \`?${query.join('&').replaceAll('?', '')}\``,
    body.length > 0 && ` \`{${body.join(', ')}}\``,
  ];
  const errors = (call.errors ?? []).map((code) => `\`${code}\``).join(' ');
  const name = `\`${route}\`${input.filter(Boolean).join('')} <br>${call.operationId}`;
  return `| ${name} | ${call.summary} | ${ACCESS[call.access]} | ${Object.keys(call.answers).join(', ')} | ${errors} |\n`;
}

/** Returns the text of docs/api.md. */
export function apiDocument(): string {
  const groups = Map.groupBy(Object.entries(CALLS), ([route]) => tagOf(route.split(' ')[1] ?? ''));
  const sections = Object.entries(TAGS).map(
    ([tag, title]) => `\n## ${title}\n\n${COLUMNS}${(groups.get(tag) ?? []).map(([route, call]) => row(route, call)).join('')}`,
  );
  return HEAD + sections.join('');
}
