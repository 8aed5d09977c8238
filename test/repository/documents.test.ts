import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apiDocument } from '../../scripts/api-document.ts';
import { configurationDocument } from '../../scripts/configuration-document.ts';

test.each([
  ['api.md', apiDocument],
  ['configuration.md', configurationDocument],
])('docs/%s is up to date: node scripts/launch.mjs scripts/documents.ts writes it [api.described]', (name, document) => {
  expect(readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8')).toBe(document());
});
