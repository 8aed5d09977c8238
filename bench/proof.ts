/**
 * `npm run proof -- NAME`: proofs that take too long for `npm test`, which runs a short sample of each. The figures go to
 * bench/RESULTS.md.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { PROJECT, WORKER_PYTHON } from '../host/paths.ts';
import { exportsReadBack } from './exports.ts';
import { fileKills } from './files.ts';
import { hostKills } from './host-kills.ts';
import { kills, randomFrom } from './kills.ts';
import { powerCut } from './power-cut.ts';
import { pythonProof } from './python.ts';
import { machine, today, write } from './results.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    /** file-kills: length of the recording in minutes. */
    length: { type: 'string', default: '60' },
    help: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const countOr = (usual: number): number => Number(values.count ?? usual);
if (![seed, countOr(1), Number(values.length)].every((value) => Number.isInteger(value) && value > 0)) {
  console.error('--count, --seed and --length take whole numbers above 0.');
  process.exit(1);
}

interface Proof {
  readonly about: string;
  /** Returns whether it holds. */
  run(): Promise<boolean>;
}

const MutatedFiles = z.object({
  kinds: z.number(),
  files: z.number(),
  decoded: z.number(),
  refused: z.number(),
  restarts: z.number(),
  longest_s: z.number(),
});

const MediaMatrix = z.array(z.object({ name: z.string(), text: z.string(), is_right: z.boolean(), off_s: z.number() }));
/** Median of a file. */
const MAX_OFF_SECONDS = 0.1;

const LongMedia = z.array(
  z.object({
    name: z.string(),
    megabytes: z.number(),
    hours: z.number(),
    parts: z.number(),
    seconds: z.number(),
    early_mb: z.number(),
    peak_mb: z.number(),
    progress_off: z.number(),
  }),
);
const [MAX_GROWTH, MAX_PROGRESS_OFF] = [1.1, 0.05];

/** Share of all DynamoDB writes. */
const CONFLICTS = 0.05;
const HostReport = z.object({ numPassedTests: z.number(), numFailedTests: z.number() });

const PROOFS: Readonly<Record<string, Proof>> = {
  kills: {
    about: 'the worker is killed 200 times during one recording: no chunk is lost or transcribed twice (about 20 min)',
    async run() {
      const result = await kills(countOr(200), seed);
      write('Recovery: kills of the worker at random times', [
        `${today}, ${machine}; protocol model, leases of 3 s, a chunk of 10 s every 2 s; seed ${seed}.`,
        '',
        '| kills (SIGKILL) | while a chunk was leased | chunks | lost | transcribed twice | seconds |',
        '|---|---|---|---|---|---|',
        `| ${result.kills} | ${result.killedInWork} | ${result.chunks} | ${result.lost} | ${result.twice} | ${result.seconds} |`,
      ]);
      return result.lost === 0 && result.twice === 0;
    },
  },
  'kills-host': {
    about:
      'processes of the local host are killed 50 times, and its disk is filled: nothing answered is lost (about 15 min; as root)',
    async run() {
      const one = await hostKills(countOr(50), randomFrom(seed));
      const kills = Object.entries(one.kills).map(([role, times]) => `${times} of ${role}`);
      write('Kills of the local host', [
        `${today}, ${machine}; protocol model, \`npm start\` on a disk of 900 MB, three clients, seed ${seed}, ${one.seconds} s.`,
        '',
        `Kills (SIGKILL): ${kills.join(', ')}. Disk filled ${one.diskFull} times, for 5 s each. Starts: ${one.starts}, the slowest ${one.slowestStartSeconds.toFixed(0)} s. Answered:`,
        `${one.sessions} sessions, ${one.uploads} uploads, ${one.completed} stops; ${one.repeated} requests failed and were repeated. Lost: ${one.lost.join('; ') || 'nothing'}.`,
      ]);
      return one.lost.length === 0;
    },
  },
  'power-cut': {
    about: 'the service answers only what is on the disk itself: its calls in order (needs strace; under a minute)',
    async run() {
      const { steps, isComplete } = await powerCut();
      write('What the service syncs to the disk', [
        `${today}, ${machine}; strace of one upload and its transcription. In this order: ${steps.join(', ')}.`,
      ]);
      return isComplete;
    },
  },
  'file-kills': {
    about: 'the worker is killed 20 times during one long file: the text is the same as without kills (about 10 min)',
    async run() {
      const one = await fileKills(countOr(20), Number(values.length), randomFrom(seed));
      write('Kills of the worker over one long file', [
        `${today}, ${machine}; protocol model, leases of 5 s; a WAV of ${one.minutes} min, SIGKILL every 1 to 7 s, seed ${seed}: ${one.kills} kills, completed after`,
        `${one.seconds.toFixed(0)} s (undisturbed ${one.undisturbedSeconds.toFixed(0)} s), text ${one.equal ? 'equal to' : 'DIFFERENT from'} that of the undisturbed one.`,
      ]);
      return one.equal && one.kills >= countOr(20);
    },
  },
  'mutated-files': {
    about: '2,000 damaged media files: each is decoded or refused, none hangs or stops the decoder (about 2 min)',
    async run() {
      const one = pythonProof('mutated_files', MutatedFiles, '--count', String(countOr(2000)), '--seed', String(seed));
      if (one === undefined) return false;
      write('Damaged media files', [
        `${today}, ${machine}; seed ${seed}. Files of ${one.kinds} formats, 3 s each, with random damage: ${one.files} files, ${one.decoded} decoded, ${one.refused}`,
        `refused; the decoder was restarted ${one.restarts} times. The slowest file took ${one.longest_s} s.`,
      ]);
      return one.restarts === 0;
    },
  },
  'media-matrix': {
    about: 'a spoken sentence in 82 containers, codecs and layouts: recognized in each, at the same times (about 2 min)',
    async run() {
      const all = pythonProof('media_matrix', MediaMatrix);
      if (all === undefined) return false;
      const wrong = all.filter((one) => !one.is_right || one.off_s > MAX_OFF_SECONDS);
      const worst = Math.max(...all.map((one) => one.off_s));
      write('Formats of media', [
        `${today}, ${machine}; tiny.en, one sentence of 17 words in ${all.length} combinations of container, codec, rate and layout: all words recognized in ${all.length - wrong.length}.`,
        `Starts of words differ from those of the original by ${worst.toFixed(3)} s at most (median of a file; limit ${MAX_OFF_SECONDS} s).`,
        ...(wrong.length === 0 ? [] : ['', ...wrong.map((one) => `- ${one.name}: ${one.text} (${one.off_s} s)`)]),
      ]);
      return wrong.length === 0;
    },
  },
  exports: {
    about: 'exports of 300 random transcripts, read by LibreOffice and eight parsers: the same text and times (under a minute)',
    async run() {
      const rows = await exportsReadBack(countOr(300), randomFrom(seed));
      write('Exports read by other software', [
        `${today}, ${machine}; the shared examples and ${countOr(300)} random transcripts (words of several scripts, markup, control characters, marks, speakers);`,
        `seed ${seed}. Compared: text, start and end of each cue (media-captions: also times of words; it reads none above 100 h); text, style and emphasis of each paragraph (LibreOffice: text).`,
        '',
        '| format | read by | files | cues or paragraphs | different |',
        '|---|---|---|---|---|',
        ...rows.map((one) => `| ${one.format} | ${one.reader} | ${one.files} | ${one.items} | ${one.different.length} |`),
      ]);
      for (const { reader, format, different } of rows)
        for (const one of different.slice(0, 3)) console.error(`${reader}, ${format}: ${one}`);
      return rows.every(({ files, different }) => files > 0 && different.length === 0);
    },
  },
  'long-media': {
    about: 'a file of 24 h and a WebM of 10 h in 3 MB: memory stays flat, the progress is true (about 5 min)',
    async run() {
      const all = pythonProof('long_media', LongMedia);
      if (all === undefined) return false;
      write('Files of a day', [
        `${today}, ${machine}; cut as the worker cuts files. Memory of the process that decodes; progress: largest difference to the share of the audio that was cut.`,
        '',
        '| file | MB | hours | parts | seconds | memory in the first tenth, MB | peak, MB | progress off by |',
        '|---|---|---|---|---|---|---|---|',
        ...all.map(
          (one) =>
            `| ${one.name} | ${one.megabytes} | ${one.hours} | ${one.parts} | ${one.seconds} | ${one.early_mb} | ${one.peak_mb} | ${(100 * one.progress_off).toFixed(1)} % |`,
        ),
      ]);
      return all.every((one) => one.peak_mb <= MAX_GROWTH * one.early_mb && one.progress_off <= MAX_PROGRESS_OFF);
    },
  },
  'media-doors': {
    about: 'recordings of 21 kinds through the chunk API, the files API and the service, with a published model (about 4 min)',
    async run() {
      const env = { ...process.env, CHUNKSCRIBE_MEDIA: 'all', CHUNKSCRIBE_PATIENCE: '3' };
      const report = join(mkdtempSync(join(tmpdir(), 'media-')), 'report.json');
      const args = ['run', '--project', 'speech', 'test/speech/media.test.ts', '--reporter=json', `--outputFile.json=${report}`];
      const { status } = spawnSync('vitest', args, { cwd: PROJECT, env, stdio: 'inherit' });
      const { numPassedTests, numFailedTests } = HostReport.parse(JSON.parse(readFileSync(report, 'utf8')));
      const pytest = ['-m', 'pytest', '-q', 'tests/real_speech/test_service_speech.py', '-k', 'all_kinds'];
      const service = spawnSync(WORKER_PYTHON, pytest, { cwd: join(PROJECT, 'gpu-worker'), env, stdio: 'inherit' });
      write('Kinds of recordings through the whole product', [
        `${today}, ${machine}; \`base\`, the files of bench/media_cases.py as chunks and as files: ${numPassedTests} tests passed, ${numFailedTests} failed;`,
        `all of them through the service: ${service.status === 0 ? 'passed' : '**failed**'}.`,
      ]);
      return status === 0 && service.status === 0;
    },
  },
  conflicts: {
    about: 'the whole host suite while 5 % of all DynamoDB writes meet another transaction: it passes (about 15 min)',
    async run() {
      const env = { ...process.env, CHUNKSCRIBE_CONFLICTS: String(CONFLICTS), CHUNKSCRIBE_PATIENCE: '3' };
      const report = join(mkdtempSync(join(tmpdir(), 'conflicts-')), 'report.json');
      const args = ['run', '--project', 'host', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
      const { status } = spawnSync('vitest', args, { cwd: PROJECT, env, stdio: 'inherit' });
      const { numPassedTests, numFailedTests } = HostReport.parse(JSON.parse(readFileSync(report, 'utf8')));
      write('Conflicts in the whole host suite', [
        `${today}, ${machine}; ${100 * CONFLICTS} % of all DynamoDB writes are refused as conflicts: ${numPassedTests} tests passed, ${numFailedTests} failed.`,
      ]);
      return status === 0;
    },
  },
  properties: {
    about: 'the tests of random inputs, with 20 other seeds (about 20 min)',
    async run() {
      const files = globSync('test/{core,web,handlers}/**/*.test.ts', { cwd: PROJECT }).filter((file) =>
        readFileSync(join(PROJECT, file), 'utf8').includes("'fast-check'"),
      );
      const random = randomFrom(seed);
      const seeds = Array.from({ length: countOr(20) }, () => Math.floor(random() * 2 ** 31));
      const failed = seeds.filter((FC_SEED) => {
        const env = { ...process.env, FC_SEED: String(FC_SEED) };
        const { status } = spawnSync('vitest', ['run', '--project', 'fast', ...files], { cwd: PROJECT, env, stdio: 'inherit' });
        return status !== 0;
      });
      write('Tests of random inputs with other seeds', [
        `${today}, ${machine}; ${files.length} test files with ${seeds.length} seeds each: ${seeds.length - failed.length} passed, failed: ${failed.join(', ') || 'none'}.`,
      ]);
      return failed.length === 0;
    },
  },
};

const list = Object.entries(PROOFS).map(([name, { about }]) => `  ${name.padEnd(15)} ${about}`);
const unknown = positionals.filter((name) => PROOFS[name] === undefined);
if (values.help || positionals.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no proof named ${unknown.join(', ')}.\n`);
  console.log(`npm run proof -- NAME… [--count N] [--seed N]\n\n${list.join('\n')}`);
  if (!values.help) process.exitCode = 1;
}
for (const name of unknown.length > 0 || values.help ? [] : positionals) {
  const holds = await PROOFS[name]?.run();
  console.log(`${name}: ${holds ? 'holds' : 'does not hold'}; seed ${seed}; see bench/RESULTS.md`);
  if (!holds) process.exitCode = 1;
}
