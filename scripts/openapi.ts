/** `node scripts/launch.mjs scripts/openapi.ts`: docs/openapi.json anew, out of the schemas that the functions parse with. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openapi } from './openapi-document.ts';

writeFileSync(join(import.meta.dirname, '../docs/openapi.json'), `${JSON.stringify(openapi(), null, 2)}\n`);
