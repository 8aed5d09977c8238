/** Reads the subtitles of a folder with media-captions, as read_exports.py does with other parsers. Plain JavaScript: its types do not resolve. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { parseText, tokenizeVTTCue } from 'media-captions';

const textOf = (node) => (node.type === 'text' ? node.data : node.children.map(textOf).join(''));
/** Times of words within a cue. */
const timesOf = (node) => [
  ...(node.type === 'timestamp' ? [milliseconds(node.time)] : []),
  ...(node.children ?? []).flatMap(timesOf),
];
const milliseconds = (seconds) => Math.round(1000 * seconds);

const [folder] = process.argv.slice(2);
const found = {};
for (const name of readdirSync(folder)) {
  const type = extname(name).slice(1);
  if (type !== 'srt' && type !== 'vtt') continue;
  const { cues, errors } = await parseText(readFileSync(join(folder, name), 'utf8'), { type, errors: true });
  found[name] = cues.map((cue) => {
    const times = [milliseconds(cue.startTime), milliseconds(cue.endTime)];
    if (type === 'srt') return [...times, cue.text];
    const nodes = tokenizeVTTCue(cue);
    return [...times, nodes.map(textOf).join(''), ...nodes.flatMap(timesOf)];
  });
  if (errors.length > 0) found[name].push([String(errors[0])]);
}
process.stdout.write(JSON.stringify({ 'media-captions': found }));
