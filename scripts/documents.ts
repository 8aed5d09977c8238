/** `node scripts/launch.mjs scripts/documents.ts`: writes all documents that are generated from code. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesized } from '../bin/synthesized.ts';
import { apiDocument } from './api-document.ts';
import { configurationDocument } from './configuration-document.ts';
import { ALL_FEATURES, iamDocument } from './iam-document.ts';
import { openapi } from './openapi-document.ts';
import { promisesDocument } from './promises-document.ts';

const DOCS = join(import.meta.dirname, '..', 'docs');
const write = (name: string, text: string): void => writeFileSync(join(DOCS, name), text);

write('openapi.json', `${JSON.stringify(openapi(), null, 2)}\n`);
write('api.md', apiDocument());
write('configuration.md', configurationDocument());
write('iam.md', iamDocument(synthesized(ALL_FEATURES).template));
write('promises.md', promisesDocument());
execFileSync('biome', ['format', '--write', join(DOCS, 'openapi.json')]);
