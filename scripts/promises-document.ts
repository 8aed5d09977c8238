/** Generates docs/promises.md: every promised behaviour, with the tests that carry its id. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROMISES } from '../test/promises.ts';

const PROJECT = join(import.meta.dirname, '..');
const ID = '[a-z][\\w.-]*';
/** The end of a test's title: ` [id]` or ` [id, other-id]`. */
const TITLE = new RegExp(`(?<title>[^'"\`\\n]*) \\[(?<ids>${ID}(?:, ${ID})*)\\](?=['"\`])`, 'g');
/** `@pytest.mark.promise("id")`, above the function and its other decorators. */
const MARK = /^\s*@pytest\.mark\.promise\((?<ids>[^)]*)\)\n(?:(?!\s*(?:async )?def ).*\n)*\s*(?:async )?def (?<title>test_\w+)/gm;

export const TEST_FILES = ['test/**/*.test.ts', 'test/contracts/*-suite.ts', 'gpu-worker/tests/**/test_*.py'];

/** A test that proves a promise. */
interface Proof {
  readonly id: string;
  readonly file: string;
  readonly title: string;
}

/** All tests that carry an id, by file. Titles are shown as in the source. */
export function proofs(): Proof[] {
  return globSync(TEST_FILES, { cwd: PROJECT })
    .sort()
    .flatMap((file) =>
      [...readFileSync(join(PROJECT, file), 'utf8').matchAll(file.endsWith('.py') ? MARK : TITLE)].flatMap(({ groups }) =>
        (groups?.['ids'] ?? '').split(/,\s*/).map((id) => ({ id: id.replaceAll('"', ''), file, title: groups?.['title'] ?? '' })),
      ),
    );
}

const HEAD = `# Promises

What Chunkscribe promises, and the tests that prove it. The tests carry the ids in their titles (\`npm test -- batch.lock\` runs those of one
promise). This page is generated from them by \`node scripts/launch.mjs scripts/documents.ts\`; a test checks that it is up to date.
`;

/** The text of docs/promises.md. */
export function promisesDocument(): string {
  const found = Map.groupBy(proofs(), ({ id }) => id);
  const sections = Object.entries(PROMISES).map(([id, sentence]) => {
    const files = Map.groupBy(found.get(id) ?? [], ({ file }) => file);
    const lines = [...files].map(([file, tests]) => `- \`${file}\`: ${tests.length === 1 ? '1 test' : `${tests.length} tests`}`);
    return [`## ${id}`, '', sentence, '', ...lines, ''].join('\n');
  });
  return [HEAD, ...sections].join('\n');
}
