/** `npm run bench -- [kills] [stop-latency] [scan] [repair] [files] [file-kills] [pages] [service] [options]`: what is measured, written to bench/RESULTS.md with the machine it was measured on. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../host/paths.ts';
import { fileKills, longFile } from './files.ts';
import { kills, randomFrom } from './kills.ts';
import { pageFigures } from './pages.ts';
import { repair } from './repair.ts';
import { scanFigures } from './scan.ts';
import { serviceFigures } from './service.ts';
import { quantile, stopLatency } from './stop-latency.ts';

const RESULTS = join(PROJECT, 'bench', 'RESULTS.md');
const DEFAULT_KILLS = '200';
const MOST_FILE_KILLS = 20;
const DEFAULT_MINUTES = '5,60,180';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** kills: how many. */
    count: { type: 'string', default: DEFAULT_KILLS },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    /** stop-latency: lengths of the recordings. */
    minutes: { type: 'string', default: DEFAULT_MINUTES },
    'no-peer': { type: 'boolean', default: false },
    /** scan: sizes; repair: the first of them. */
    sessions: { type: 'string' },
    /** files: length of the file. */
    hours: { type: 'string', default: '3' },
    /** file-kills: length of the file in minutes. */
    length: { type: 'string', default: '60' },
  },
});

const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
const today = new Date().toISOString().slice(0, 10);

/** Puts the section in the place of the one of the same title. */
function write(title: string, lines: readonly string[]): void {
  const before = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '# Measured\n';
  const others = before.split(/^(?=## )/m).filter((section) => !section.startsWith(`## ${title}\n`));
  writeFileSync(RESULTS, `${others.join('').trimEnd()}\n\n## ${title}\n\n${lines.join('\n')}\n`);
}

/** Each answers whether what must hold does. */
const MEASUREMENTS: Readonly<Record<string, () => Promise<boolean>>> = {
  async kills() {
    const seed = Number(values.seed);
    const result = await kills(Number(values.count), seed);
    write('Recovery: kills of the worker at random times', [
      `${today}, ${machine}; demo model, leases of 3 s, a chunk of 10 s every 2 s; seed ${seed}.`,
      '',
      '| kills (SIGKILL) | while a chunk was leased | chunks | lost | transcribed twice | seconds |',
      '|---|---|---|---|---|---|',
      `| ${result.kills} | ${result.killedInWork} | ${result.chunks} | ${result.lost} | ${result.twice} | ${result.seconds} |`,
    ]);
    return result.lost === 0 && result.twice === 0;
  },

  async 'stop-latency'() {
    const { oneChunk, lengths, presignMs } = await stopLatency(values.minutes.split(',').map(Number), !values['no-peer']);
    const seconds = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));
    const row = (what: string, stops: readonly number[], atTheEnd?: number): string =>
      `| ${what} | ${seconds(quantile(stops, 0.5))} | ${seconds(quantile(stops, 0.95))} | ${stops.length} | ${seconds(atTheEnd)} |`;
    write('From Stop to the whole text', [
      `${today}, ${machine}; demo model on the CPU, chunks of 30 s, worker warm; polled every 50 ms. The last column: the same recording, all of it`,
      'transcribed at its end (once).',
      '',
      '| recording | median, s | p95, s | stops | all at the end, s |',
      '|---|---|---|---|---|',
      row('one chunk', oneChunk),
      ...lengths.map(({ minutes, stops, atTheEnd }) => row(`${minutes} min`, stops, atTheEnd)),
      '',
      `Asking for an upload's address: median ${quantile(presignMs, 0.5).toFixed(0)} ms, p95 ${quantile(presignMs, 0.95).toFixed(0)} ms of ${presignMs.length} calls,`,
      'HTTP and emulator included.',
    ]);
    const alone = quantile(oneChunk, 0.5);
    return lengths.every(({ stops }) => quantile(stops, 0.95) <= alone + 2) && quantile(presignMs, 0.95) <= 100;
  },

  async scan() {
    const figures = await scanFigures((values.sessions ?? '100,1000,10000').split(',').map(Number));
    write('Finding what is missing', [
      `${today}, ${machine}; the emulator's storage on the same machine. Sessions of two chunks with their results, of 20 users; each tenth session lacks`,
      'one. Against a listing of each session (16 at a time in both).',
      '',
      '| sessions | missing | audit, s | requests | a listing per session, s | requests |',
      '|---|---|---|---|---|---|',
      ...figures.map(
        (one) =>
          `| ${one.sessions} | ${one.missing} | ${one.seconds.toFixed(2)} | ${one.requests} | ${one.perSessionSeconds.toFixed(2)} | ${one.perSessionRequests} |`,
      ),
    ]);
    return figures.every(({ seconds }) => seconds <= 30);
  },

  async files() {
    const one = await longFile(Number(values.hours));
    const mb = (value: number): string => value.toFixed(0);
    write('A long file', [
      `${today}, ${machine}; demo model on the CPU. A WAV of ${one.hours} h (${mb(one.megabytes)} MB), worker warm. Memory is resident, taken every 50 ms; idle: after`,
      'a file of 125 s. The peer is `decode_audio` of faster-whisper on the same file: what it adds to its process.',
      '',
      '| | |',
      '|---|---|',
      `| id of the job | ${mb(one.idMs)} ms |`,
      `| upload to text | ${mb(one.seconds)} s, ${((one.hours * 3600) / one.seconds).toFixed(0)} times as fast as it was spoken |`,
      `| longest time without progress | ${one.longestPause.toFixed(1)} s |`,
      `| worker, idle | ${mb(one.idleMb)} MB |`,
      `| what the model needs over that, hearing a file of 2 min | ${mb(one.modelMb)} MB |`,
      `| worker, at most | ${mb(one.peakMb)} MB: model and ${mb(one.peakMb - one.idleMb - one.modelMb)} MB over its idle size |`,
      `| its decoders, at most | ${mb(one.childrenPeakMb)} MB |`,
      `| the peer | ${mb(one.peerMb)} MB more |`,
      `| word error rate of the first quarter of an hour | ${(100 * one.wer).toFixed(1)} % |`,
    ]);
    return one.peakMb - one.idleMb - one.modelMb <= 150 && one.longestPause <= 10 && one.idMs < 1000;
  },

  async 'file-kills'() {
    const seed = Number(values.seed);
    const one = await fileKills(Math.min(Number(values.count), MOST_FILE_KILLS), Number(values.length), randomFrom(seed));
    write('Kills of the worker over one long file', [
      `${today}, ${machine}; demo model, leases of 5 s; a WAV of ${one.minutes} min, SIGKILL every 1 to 7 s, seed ${seed}: ${one.kills} kills, completed after`,
      `${one.seconds.toFixed(0)} s (undisturbed ${one.undisturbedSeconds.toFixed(0)} s), text ${one.equal ? 'equal to' : 'OTHER than'} that of the undisturbed one.`,
    ]);
    return one.equal && one.kills >= Math.min(Number(values.count), MOST_FILE_KILLS);
  },

  async pages() {
    const { firstMs, againMs } = await pageFigures();
    const ms = (values: readonly number[], q: number): string => quantile(values, q).toFixed(0);
    write('The first page', [
      `${today}, ${machine}; Chromium and host on the same machine, ${firstMs.length} browsers that have never seen the page. From the request to a button that`,
      'can be pressed; then the same page once more, signed in, to the Record button.',
      '',
      '| | median, ms | most, ms |',
      '|---|---|---|',
      `| first visit | ${ms(firstMs, 0.5)} | ${ms(firstMs, 1)} |`,
      `| once more | ${ms(againMs, 0.5)} | ${ms(againMs, 1)} |`,
    ]);
    return quantile(firstMs, 0.5) <= 1000 && quantile(againMs, 0.5) <= 1000;
  },

  async service() {
    const one = await serviceFigures();
    const ms = (values: readonly number[]): string =>
      `median ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms, most ${quantile(values, 1).toFixed(1)} ms of ${values.length}`;
    write('The service: 200 requests at once', [
      `${today}, ${machine}; demo model on the CPU, sender on the same machine. 150 WebM of 10 s, 40 WAV of 30 s, 9 WAV of 125 s and one WAV of 30 min (58 MB).`,
      '',
      '| | |',
      '|---|---|',
      `| taken, told to come again (429), completed | ${one.taken}, ${one.refused}, ${one.completed} |`,
      `| until all were answered | ${one.sentSeconds.toFixed(1)} s |`,
      `| until all ${(one.audioSeconds / 60).toFixed(0)} min of sound were heard | ${one.allSeconds.toFixed(0)} s |`,
      `| \`/health\` while they came in | ${ms(one.sendingMs)} |`,
      `| \`/health\` after that | ${ms(one.workingMs)} |`,
      `| memory of the server, idle and at most | ${one.idleMb.toFixed(0)} MB, ${one.serverMb.toFixed(0)} MB |`,
      `| of the model's process and its decoders, idle and at most | ${one.idleModelMb.toFixed(0)} MB, ${one.modelMb.toFixed(0)} MB |`,
    ]);
    const isQuick = quantile(one.sendingMs, 1) < 50 && quantile(one.workingMs, 0.99) < 50;
    return isQuick && one.taken + one.refused === 200 && one.completed === one.taken;
  },

  async repair() {
    const sessions = Number(values.sessions?.split(',')[0] ?? 100);
    const { seconds, report, equal } = await repair(sessions, randomFrom(Number(values.seed)));
    write('A batch repairs many sessions in one run', [
      `${today}, ${machine}; demo model on the CPU. ${sessions} sessions of three chunks of 10 s, each without the result of one, chosen at random (seed`,
      `${values.seed}): ${seconds.toFixed(0)} s from the call to the report, ${equal} of ${sessions} texts the same as before. The report:`,
      '',
      '```json',
      JSON.stringify(report, null, 1),
      '```',
    ]);
    return equal === sessions && report.transcription.chunksTranscribed === sessions;
  },
};

const names = positionals.length > 0 ? positionals : Object.keys(MEASUREMENTS);
const unknown = names.filter((name) => MEASUREMENTS[name] === undefined);
if (unknown.length > 0)
  throw new Error(`no such measurement: ${unknown.join()}; there are: ${Object.keys(MEASUREMENTS).join(', ')}`);
for (const name of names) {
  const holds = await MEASUREMENTS[name]?.();
  console.log(`${name}: ${holds ? 'holds' : 'does not hold'} what it must; see bench/RESULTS.md`);
  if (!holds) process.exitCode = 1;
}
