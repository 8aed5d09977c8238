/** `npm test -- NAME…`: runs the tests whose file name or title contains NAME, or that prove the promise NAME. */
import { globSync, readFileSync } from 'node:fs';
import { proofs } from '../scripts/promises-document.ts';
import { PROMISES } from './promises.ts';
import { PROJECT, type Runners } from './runners.ts';

/** Tests in this folder load published models once for all files, so the folder runs separately. */
export const REAL_SPEECH = 'tests/real_speech';

interface Selection {
  readonly files: readonly string[];
  /** Text that titles contain; undefined: all tests of the files. */
  readonly title: string | undefined;
}

/** Matches a line with the title of a test or group. */
const HAS_TITLE = /\b(it|test|describe)\b.*\(|def test_/;

const testFiles = (): string[] => globSync(['test/**/*.test.ts', 'gpu-worker/tests/**/test_*.py'], { cwd: PROJECT }).sort();

/** Python titles are function names. */
const asPython = (title: string): string => title.toLowerCase().replaceAll(/\W+/g, '_');

function find(name: string): Selection {
  const all = testFiles();
  if (name in PROMISES) {
    const proving = new Set(proofs().flatMap(({ id, file }) => (id === name ? [file] : [])));
    return { files: all.filter((file) => proving.has(file)), title: name };
  }
  const path = name.replace(/^\.\//, '');
  const exact = all.filter((file) => `/${file}`.endsWith(`/${path}`));
  const byFile = exact.length > 0 ? exact : all.filter((file) => file.includes(path));
  if (byFile.length > 0) return { files: byFile, title: undefined };
  const titles = (file: string): string =>
    readFileSync(`${PROJECT}/${file}`, 'utf8')
      .split('\n')
      .filter((line) => HAS_TITLE.test(line))
      .join('\n')
      .toLowerCase();
  const hasTitle = (file: string): boolean => titles(file).includes(file.endsWith('.py') ? asPython(name) : name.toLowerCase());
  return { files: all.filter(hasTitle), title: name };
}

/** Runs the tests of these files whose titles contain the title. */
async function runFiles(name: string, { files, title }: Selection, runners: Runners): Promise<void> {
  const typescript = files.filter((file) => file.endsWith('.ts'));
  const python = files.filter((file) => file.endsWith('.py')).map((file) => file.replace('gpu-worker/', ''));
  if (typescript.length > 0)
    await runners.vitest(`${name} (TypeScript)`, [...typescript, ...(title === undefined ? [] : ['-t', title])], {
      isFiltered: title !== undefined,
    });
  for (const isReal of [false, true]) {
    const some = python.filter((file) => file.startsWith(REAL_SPEECH) === isReal);
    const filter = title === undefined ? [] : ['-k', asPython(title)];
    if (some.length > 0) await runners.pytest(`${name} (Python${isReal ? ', real speech' : ''})`, [...some, ...filter]);
  }
}

/** Runs the tests of all names. Returns false, after printing the reason, if a name matches no test. */
export async function runNamed(names: readonly string[], runners: Runners): Promise<boolean> {
  for (const name of names) {
    const selection = find(name);
    if (selection.files.length === 0) {
      console.error(`No test file and no test title contains "${name}".`);
      return false;
    }
    await runFiles(name, selection, runners);
  }
  return true;
}
