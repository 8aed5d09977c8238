/** Speakers on conversations with known ones, measured by the Python package in this folder. */
import * as z from 'zod';
import { python } from '../quality/figures.ts';

const Row = z.object({
  what: z.string(),
  method: z.string(),
  der: z.string(),
  derCollar: z.string(),
  words: z.string(),
  shortWords: z.string(),
  count: z.string(),
  cpu: z.string(),
});
type Row = z.infer<typeof Row>;

/** An hour of one person. */
const Hour = z.object({ what: z.string(), speakers: z.record(z.string(), z.number()) });
const Memory = z.object({ minutes: z.number(), peakMb: z.number(), words: z.number() });
type Hour = z.infer<typeof Hour>;

/** CPU of diarization as a share of the audio's length on one core, in percent. */
const MAX_CPU_PERCENT = 5;
const MIN_COUNTED = 0.9;
/** How much more memory the longest recording may take than the shortest. */
const MAX_GROWTH = 1.1;

export interface DiarizationFigures {
  readonly lines: readonly string[];
  readonly holds: boolean;
}

const isPeer = ({ method }: Row): boolean => method.startsWith('peer');

/** Whether the right number of speakers is found often enough, at a low price, and with fewer errors than the peer. */
function holds(rows: readonly Row[], hours: readonly Hour[]): boolean {
  const [whole, peer] = [rows.find(({ method }) => method === 'whole'), rows.find(isPeer)];
  if (whole === undefined || peer === undefined) return false;
  const [right = 0, all = 1] = whole.count.split(' of ').map(Number);
  const isOne = hours.every(({ speakers }) => Object.values(speakers).every((count) => count === 1));
  return Number(whole.der) < Number(peer.der) && Number(whole.cpu) <= MAX_CPU_PERCENT && right / all >= MIN_COUNTED && isOne;
}

/** Measures, and returns the section's lines. */
export async function diarizationFigures(): Promise<DiarizationFigures> {
  const rows: Row[] = [];
  const hours: Hour[] = [];
  for await (const text of python(['-m', 'diarization.table'])) {
    const value: unknown = JSON.parse(text);
    const row = Row.safeParse(value);
    if (row.success) rows.push(row.data);
    else hours.push(Hour.parse(value));
  }
  const memory: z.infer<typeof Memory>[] = [];
  for await (const text of python(['-m', 'diarization.memory'])) memory.push(Memory.parse(JSON.parse(text)));
  return {
    holds: holds(rows, hours) && (memory.at(-1)?.peakMb ?? Number.POSITIVE_INFINITY) <= (memory[0]?.peakMb ?? 0) * MAX_GROWTH,
    lines: [
      '| conversations | method | DER % | with collar 0.25 s | words right % | of turns up to 1 s | number right | CPU % of one core |',
      '|---|---|---|---|---|---|---|---|',
      ...rows.map(
        ({ what, method, der, derCollar, words, shortWords, count, cpu }) =>
          `| ${what} | ${method} | ${der} | ${derCollar} | ${words} | ${shortWords} | ${count} | ${cpu} |`,
      ),
      '',
      ...hours.map(({ what, speakers }) => {
        const counts = Object.entries(speakers).map(([method, count]) => `${count} (${method})`);
        return `- ${what}: speakers found: ${counts.join(', ')}`;
      }),
      '',
      '| recording through the service, `tiny.en`, speakers detected | words | peak memory of the model process, MB |',
      '|---|---|---|',
      ...memory.map(({ minutes, words, peakMb }) => `| ${minutes} min | ${words} | ${peakMb} |`),
    ],
  };
}
