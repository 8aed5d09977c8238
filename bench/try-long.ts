import { longRecordingFigures } from './long-recording.ts';

await longRecordingFigures(process.argv.slice(2).map(Number));
