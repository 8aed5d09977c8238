/** `node scripts/launch.mjs scripts/iam.ts`: docs/iam.md anew. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesized } from '../bin/synthesized.ts';
import { iamDocument, OF_EVERYTHING } from './iam-document.ts';

writeFileSync(join(import.meta.dirname, '../docs/iam.md'), iamDocument(synthesized(OF_EVERYTHING).template));
