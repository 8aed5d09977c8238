/**
 * `npm run bench -- [stop-latency] [scan] [repair] [files] [pages] [long] [pressure] [service] [quality] [diarization] [product]
 * [subtitles] [options]`: measures speed and quality, and writes the figures with date and machine to bench/RESULTS.md. Without a name it runs all measurements.
 */
import { parseArgs } from 'node:util';
import { diarizationFigures } from './diarization/figures.ts';
import { longFile } from './files.ts';
import { randomFrom } from './kills.ts';
import { longPageFigures } from './long-page.ts';
import { type Cost, longRecordingFigures } from './long-recording.ts';
import { pageFigures } from './pages.ts';
import { pressure } from './pressure.ts';
import { peerVersions, qualityRows, type Row, table } from './quality/figures.ts';
import { productFigures } from './quality/product.ts';
import { repair } from './repair.ts';
import { machine, today, write } from './results.ts';
import { scanFigures } from './scan.ts';
import { serviceFigures } from './service.ts';
import { quantile, stopLatency } from './stop-latency.ts';
import { subtitleFigures } from './subtitles.ts';

const DEFAULT_MINUTES = '5,60,180';
/** long: chunks of 5 min, 1 h, 8 h and 24 h; words of eight hours of speech, and how often the page is opened. */
const LONG_CHUNKS = [10, 120, 960, 2880];
const [LONG_WORDS, LONG_VISITS] = [75_000, 5];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    /** stop-latency: lengths of the recordings in minutes. */
    minutes: { type: 'string', default: DEFAULT_MINUTES },
    'no-peer': { type: 'boolean', default: false },
    /** pressure: number of chunks of the other user. */
    chunks: { type: 'string', default: '5960' },
    /** scan: numbers of sessions; repair: uses the first of them. */
    sessions: { type: 'string' },
    /** files: length of the file in hours. */
    hours: { type: 'string', default: '3' },
    /** product: length of the recording in minutes. */
    length: { type: 'string', default: '60' },
    /** quality: `quick` uses less speech and one model; `only` names single measurements (`python -m quality.table --help`). */
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
});

/** Each measurement writes its section and returns whether its target is met. */
const MEASUREMENTS: Readonly<Record<string, () => Promise<boolean>>> = {
  async 'stop-latency'() {
    const { oneChunk, lengths, presignMs } = await stopLatency(values.minutes.split(',').map(Number), !values['no-peer']);
    const seconds = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));
    const row = (recording: string, stops: readonly number[], atTheEnd?: number): string =>
      `| ${recording} | ${seconds(quantile(stops, 0.5))} | ${seconds(quantile(stops, 0.95))} | ${stops.length} | ${seconds(atTheEnd)} |`;
    write('From Stop to the whole text', [
      `${today}, ${machine}; protocol model on the CPU, chunks of 30 s, worker warm; polled every 50 ms. Last column: the same`,
      'recording, transcribed completely at its end (measured once).',
      '',
      '| recording | median, s | p95, s | stops | transcribed at the end, s |',
      '|---|---|---|---|---|',
      row('one chunk', oneChunk),
      ...lengths.map(({ minutes, stops, atTheEnd }) => row(`${minutes} min`, stops, atTheEnd)),
      '',
      `Request for an upload URL: median ${quantile(presignMs, 0.5).toFixed(0)} ms, p95 ${quantile(presignMs, 0.95).toFixed(0)} ms of ${presignMs.length} calls,`,
      'including HTTP and the emulator.',
    ]);
    const alone = quantile(oneChunk, 0.5);
    return lengths.every(({ stops }) => quantile(stops, 0.95) <= alone + 2) && quantile(presignMs, 0.95) <= 100;
  },

  async scan() {
    const figures = await scanFigures((values.sessions ?? '100,1000,10000').split(',').map(Number));
    write('Finding missing chunks', [
      `${today}, ${machine}; the emulator's storage on the same machine. Sessions of 20 users with two chunks each; every tenth session lacks one result.`,
      'Compared with one listing per session (16 concurrent requests in both).',
      '',
      '| sessions | missing | audit, s | requests | one listing per session, s | requests |',
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
      `${today}, ${machine}; protocol model on the CPU. A WAV of ${one.hours} h (${mb(one.megabytes)} MB), worker warm. Resident memory, sampled every 50 ms; idle: after`,
      'a file of 125 s. The peer is `decode_audio` of faster-whisper on the same file: the memory that it adds to its process.',
      '',
      '| | |',
      '|---|---|',
      `| response with the job's id | ${mb(one.idMs)} ms |`,
      `| from upload to text | ${mb(one.seconds)} s, ${((one.hours * 3600) / one.seconds).toFixed(0)} times real time |`,
      `| longest time without progress | ${one.longestPause.toFixed(1)} s |`,
      `| worker, idle | ${mb(one.idleMb)} MB |`,
      `| additional memory of the model for a file of 2 min | ${mb(one.modelMb)} MB |`,
      `| worker, peak | ${mb(one.peakMb)} MB: ${mb(one.peakMb - one.idleMb - one.modelMb)} MB more than idle and model |`,
      `| its decoders, peak | ${mb(one.childrenPeakMb)} MB |`,
      `| the peer, additional | ${mb(one.peerMb)} MB |`,
      `| word error rate of the first 15 min | ${(100 * one.wer).toFixed(1)} % |`,
    ]);
    return one.peakMb - one.idleMb - one.modelMb <= 150 && one.longestPause <= 10 && one.idMs < 1000;
  },

  async pages() {
    const { firstMs, againMs } = await pageFigures();
    const ms = (values: readonly number[], q: number): string => quantile(values, q).toFixed(0);
    write('The first page', [
      `${today}, ${machine}; Chromium and host on the same machine, ${firstMs.length} new browser profiles. First visit: from the request to a`,
      'usable button. Second visit, signed in: from the request to the Record button.',
      '',
      '| | median, ms | maximum, ms |',
      '|---|---|---|',
      `| first visit | ${ms(firstMs, 0.5)} | ${ms(firstMs, 1)} |`,
      `| second visit | ${ms(againMs, 0.5)} | ${ms(againMs, 1)} |`,
    ]);
    return quantile(firstMs, 0.5) <= 1000 && quantile(againMs, 0.5) <= 1000;
  },

  async long() {
    const recordings = await longRecordingFigures(LONG_CHUNKS);
    const cost = ({ requests, kilobytes, ms }: Cost): string =>
      `${requests.toFixed(requests < 10 ? 1 : 0)} / ${kilobytes < 1000 ? `${kilobytes.toFixed(0)} KB` : `${(kilobytes / 1000).toFixed(1)} MB`} / ${ms.toFixed(0)} ms`;
    write('A recording of a day', [
      `${today}, ${machine}; functions and adapters on the emulator, whose answers take longer the more it holds. Requests to S3 and`,
      'DynamoDB / bytes in both directions / time. New chunk: its stream record, and what an open page reads afterwards, with the',
      'response; mean of 8 chunks. Page: text, chunks and first audio addresses. Memory: peak of the process, all functions in one.',
      '',
      '| length | new chunk | unchanged poll | page | Stop | an edit | memory, MB |',
      '|---|---|---|---|---|---|---|',
      ...recordings.map(
        (one) =>
          `| ${one.chunks < 120 ? `${one.chunks / 2} min` : `${one.chunks / 120} h`} | ${cost(one.newChunk)} | ${cost(one.unchangedPoll)} | ${cost(one.pageView)} | ${cost(one.stop)} | ${cost(one.edit)} | ${one.peakMb.toFixed(0)} |`,
      ),
    ]);
    const one = await longPageFigures(LONG_WORDS, LONG_VISITS);
    const row = (what: string, times: readonly number[], target: string): string =>
      `| ${what} | ${quantile(times, 0.5).toFixed(0)} | ${Math.max(...times).toFixed(0)} | ${target} |`;
    write('The page of a long transcript', [
      `${today}, ${machine}; Chromium and server on the same machine, ${LONG_VISITS} new browser profiles, the server responds at once. A fixed transcript of`,
      `${one.words} words (8.6 h, 5 % with low confidence): ${one.nodes} nodes. A task counts if it takes longer than 50 ms.`,
      '',
      '| | median, ms | maximum, ms | target |',
      '|---|---|---|---|',
      row('from the request to the first word', one.firstWordMs, '1500'),
      row('from the request to the whole text', one.wholeMs, ''),
      row('longest task meanwhile (reading the response)', one.loadTaskMs, ''),
      row('longest task after the first word', one.sliceTaskMs, ''),
      row('a key of a search (three frames included)', one.keyMs, '200'),
      row('the next hit (three frames included)', one.nextMs, '200'),
      row('longest task while scrolling by the wheel', one.wheelTaskMs, '50'),
      row('longest task while dragging the scroll bar', one.jumpTaskMs, '50'),
    ]);
    const isQuick = Math.max(...one.firstWordMs) <= 1500 && Math.max(...one.keyMs, ...one.nextMs) <= 200;
    // The median, because a task also lasts while another process has its core.
    return isQuick && quantile(one.wheelTaskMs, 0.5) <= 50 && quantile(one.jumpTaskMs, 0.5) <= 50;
  },

  async service() {
    const one = await serviceFigures();
    const ms = (values: readonly number[]): string =>
      `median ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms, maximum ${quantile(values, 1).toFixed(1)} ms of ${values.length}`;
    write('The service: 200 requests at once', [
      `${today}, ${machine}; protocol model on the CPU, client on the same machine. 150 WebM of 10 s, 40 WAV of 30 s, 9 WAV of 125 s and one WAV of 30 min (58 MB).`,
      '',
      '| | |',
      '|---|---|',
      `| accepted, refused with 429, completed | ${one.taken}, ${one.refused}, ${one.completed} |`,
      `| time until all had a response | ${one.sentSeconds.toFixed(1)} s |`,
      `| time until all ${(one.audioSeconds / 60).toFixed(0)} min of audio were transcribed | ${one.allSeconds.toFixed(0)} s |`,
      `| \`/health\` while requests arrive | ${ms(one.sendingMs)} |`,
      `| \`/health\` afterwards | ${ms(one.workingMs)} |`,
      `| memory of the server, idle and peak | ${one.idleMb.toFixed(0)} MB, ${one.serverMb.toFixed(0)} MB |`,
      `| memory of the model's process and its decoders, idle and peak | ${one.idleModelMb.toFixed(0)} MB, ${one.modelMb.toFixed(0)} MB |`,
    ]);
    const isQuick = quantile(one.sendingMs, 1) < 50 && quantile(one.workingMs, 0.99) < 50;
    return isQuick && one.taken + one.refused === 200 && one.completed === one.taken;
  },

  async quality() {
    const isComplete = !values.quick && values.only.length === 0;
    const versions = await peerVersions();
    const rows: Row[] = [];
    const writeRows = (...last: string[]) =>
      write('Quality on real speech', [
        `${today}, ${machine}; ${versions}; int8 on the CPU. WER: word error rate with OpenAI's English normalizer, with 95 %`,
        'intervals of a bootstrap over spans of 30 s. Human speech: telephone prompts of one voice (Debian), random pauses of 0.1 to 0.9 s, with seeds',
        'on which no setting was chosen. Sequential and batched (4): faster-whisper with its speech detector. CPU: time of all threads. Chunks are joined by',
        "the product's code, and decoded with a lead-in of 3 s less the client's overlap.",
        '',
        ...table(rows),
        ...last,
      ]);
    for await (const row of qualityRows({ isQuick: values.quick, only: values.only })) {
      rows.push(row);
      console.log(`${row.holds === false ? 'NO ' : '   '} ${row.model}: ${row.what}: ${row.ours}`);
      if (isComplete) writeRows('', 'This run is not finished.');
    }
    if (isComplete) writeRows();
    return rows.every(({ holds }) => holds !== false);
  },

  async product() {
    const rows = await productFigures(Number(values.length), Number(values.seed));
    write('A long recording through the whole product', [
      `${today}, ${machine}; ${await peerVersions()}; human telephone prompts, Opus in WebM, the default model on the CPU, seed ${values.seed}.`,
      '',
      ...table(rows),
    ]);
    return rows.every(({ holds }) => holds !== false);
  },

  async subtitles() {
    const { cues, words, boundaries } = await subtitleFigures();
    const share = (part: number, all: number): string => `${((100 * part) / all).toFixed(1)} %`;
    const sum = (of: (one: (typeof cues)[number]) => number): number => cues.reduce((total, one) => total + of(one), 0);
    const all = sum((one) => one.cues);
    const fast = sum((one) => one.fast);
    write('Subtitles of an hour of human speech', [
      `${today}, ${machine}; ${(sum((one) => one.seconds) / 60).toFixed(0)} min of telephone prompts (Debian), each prompt once: all English ones with \`tiny.en\`, ten minutes of each`,
      'other language with `base`; one voice per language, random pauses of 0.1 to 0.9 s, chunks of 30 s, joined by the product.',
      '',
      '| | min | cues | line, median and longest | lines over 42 | cues over two lines | over 20 characters a second | below 0.83 s | duration, s, median and longest |',
      '|---|---|---|---|---|---|---|---|---|',
      ...cues.map(
        (one) =>
          `| ${one.language} | ${(one.seconds / 60).toFixed(0)} | ${one.cues} | ${quantile(one.lines, 0.5)}, ${Math.max(...one.lines)} | ${one.longLines} | ${one.moreThanTwoLines} | ${share(one.fast, one.cues)} | ${share(one.short, one.cues)} | ${quantile(one.durations, 0.5).toFixed(1)}, ${Math.max(...one.durations).toFixed(1)} |`,
      ),
      '',
      `Over 20 characters a second: ${share(fast, all)} of all cues (target: 5 %).`,
      '',
      `Words shorter than 20 ms: ${words.short} of ${words.all}.`,
      '',
      `Boundaries of chunks within an English prompt, whose text is known: ${boundaries.inside}. With a full stop or a capital in mid-sentence that only the end of a chunk`,
      `caused: ${boundaries.broken}, and ${boundaries.brokenUnjoined} if the texts of the chunks are put one after the other.`,
    ]);
    return fast <= 0.05 * all && words.short === 0 && cues.every((one) => one.longLines === 0 && one.moreThanTwoLines === 0);
  },

  async pressure() {
    const { chunks, alone, beside, saves } = await pressure(Number(values.chunks));
    const row = (title: string, times: readonly number[]): string =>
      `| ${title} | ${quantile(times, 0.5).toFixed(2)} | ${Math.max(...times).toFixed(2)} | ${times.length} |`;
    write('A recording while another user saves corrections', [
      `${today}, ${machine}; protocol model on the CPU. From \`complete\` to the text of a recording of one second, alone and while another user with`,
      `${chunks} chunks saves and removes corrections (${saves} times).`,
      '',
      '| | median, s | maximum, s | recordings |',
      '|---|---|---|---|',
      row('alone', alone),
      row('while the other user saves', beside),
    ]);
    return Math.max(...beside) <= quantile(alone, 0.5) + 3;
  },

  async diarization() {
    const { lines, holds } = await diarizationFigures();
    write('Who said what', [
      `${today}, ${machine}; speaker model campplus, one core. bench/diarization/README.md describes the conversations.`,
      '',
      ...lines,
    ]);
    return holds;
  },

  async repair() {
    const sessions = Number(values.sessions?.split(',')[0] ?? 100);
    const { seconds, report, equal } = await repair(sessions, randomFrom(Number(values.seed)));
    write('A batch repairs many sessions in one run', [
      `${today}, ${machine}; protocol model on the CPU. ${sessions} sessions of three chunks of 10 s, each without the result of one random chunk (seed`,
      `${values.seed}): ${seconds.toFixed(0)} s from the call to the report, ${equal} of ${sessions} texts equal to those before. The report:`,
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
  throw new Error(`no such measurement: ${unknown.join(', ')}; choose from: ${Object.keys(MEASUREMENTS).join(', ')}`);
for (const name of names) {
  const holds = await MEASUREMENTS[name]?.();
  console.log(`${name}: target ${holds ? 'met' : 'missed'}; see bench/RESULTS.md`);
  if (!holds) process.exitCode = 1;
}
