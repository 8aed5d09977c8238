/** Joins chunks for the Python side. stdin: `{overlapSeconds, results}` of consecutive chunks; stdout: `{words, unheard, text}`. */
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { ChunkTranscript } from '../../core/contracts/transcript.ts';
import { joinChunks } from '../../core/transcripts/join.ts';

const Request = z.object({ overlapSeconds: z.number(), results: z.array(ChunkTranscript) });

const { overlapSeconds, results } = Request.parse(JSON.parse(await text(process.stdin)));
const joined = joinChunks(
  'bench',
  results.map((result, index) => ({ kind: 'transcribed', result, overlapSeconds: index === 0 ? 0 : overlapSeconds })),
);
const words = joined.segments.flatMap((segment) => segment.words);
const unheard = joined.coverage.filter(({ kind }) => kind === 'failed').map(({ start, end }) => [start, end]);
process.stdout.write(JSON.stringify({ words, unheard, text: joined.text }));
