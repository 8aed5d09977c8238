import type { Transcript } from '../../../core/contracts/transcript.ts';

type Coverage = Transcript['coverage'];

/** Coverage up to a time. */
const coverageUntil = (coverage: Coverage, seconds: number): Coverage =>
  coverage.flatMap((one) => (one.start < seconds ? [{ ...one, end: Math.min(one.end, seconds) }] : []));

/** Joins coverages; an interval that was divided between them is one again. */
function joined(before: Coverage, after: Coverage): Coverage {
  const [last, first] = [before.at(-1), after[0]];
  if (last === undefined || first === undefined || last.kind !== first.kind || last.end !== first.start)
    return [...before, ...after];
  return [...before.slice(0, -1), { ...last, end: first.end }, ...after.slice(1)];
}

/** The whole transcript after a response to `after`, which contains only what follows in the known one. */
export function continued(known: Transcript | undefined, newer: Transcript): Transcript {
  const { after } = newer;
  if (after === undefined || known === undefined) return newer;
  const noSignal = [...(known.no_signal ?? []).filter(({ end }) => end < after.seconds), ...(newer.no_signal ?? [])];
  return {
    ...newer,
    text: known.text.slice(0, after.characters) + newer.text,
    segments: [...known.segments.slice(0, after.segments), ...newer.segments],
    chunks: [...known.chunks.slice(0, after.chunks), ...newer.chunks],
    gaps: [...known.gaps.filter(({ chunkNumber }) => chunkNumber <= after.chunks), ...newer.gaps],
    coverage: joined(coverageUntil(known.coverage, after.seconds), newer.coverage),
    ...(noSignal.length > 0 && { no_signal: noSignal }),
  };
}
