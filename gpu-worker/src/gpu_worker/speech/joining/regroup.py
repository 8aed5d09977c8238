"""Builds segments around a boundary from the joined words; same rules as core/transcripts/regroup.ts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpu_worker.speech.joining.alignment import Shared
from gpu_worker.speech.joining.boundary import From, Kept, join_words
from gpu_worker.speech.joining.punctuation import ends_sentence, without_stop
from gpu_worker.speech.segments import MAX_SEGMENT_SECONDS, SPLIT_PAUSE_SECONDS, Segment, Word


@dataclass
class _Run:
    """Consecutive words of one segment, or of the lead-in, which has no segment."""

    of: Segment | None
    language: str | None
    """None if unknown."""
    origin: From
    words: list[Word]


def _goes_on(before: _Run, following: _Run) -> bool:
    """Whether the sentence continues from one run to the next."""
    last, first = before.words[-1], following.words[0]
    return first.start - last.end < SPLIT_PAUSE_SECONDS and not ends_sentence(last.word)


def _runs(kept: Sequence[Kept], owners: dict[From, Sequence[Segment | None]], lead_in: str | None) -> list[_Run]:
    runs: list[_Run] = []
    for item in kept:
        of = owners[item.origin][item.index]
        run = _Run(of, of.language if of else lead_in, item.origin, [item.word])
        is_same = bool(runs) and runs[-1].of is run.of and runs[-1].origin is run.origin
        if is_same and (run.of is not None or _goes_on(runs[-1], run)):
            runs[-1].words.append(item.word)
        else:
            runs.append(run)
    return runs


def _fits(group: Sequence[_Run], run: _Run) -> bool:
    """Whether a run fits into a group: short enough for a subtitle, same language and voice."""
    return run.words[-1].end - group[0].words[0].start <= MAX_SEGMENT_SECONDS and not any(
        (other.language and run.language and other.language != run.language)
        or (other.of and run.of and other.of.voice != run.of.voice)
        for other in group
    )


def _groups(runs: Sequence[_Run]) -> list[list[_Run]]:
    """Groups runs into segments: a sentence may continue from one text to the other."""
    groups: list[list[_Run]] = []
    for run in runs:
        last = groups[-1][-1] if groups else None
        is_same_text = last is not None and last.origin is run.origin and last.of is not None and run.of is not None
        if last is not None and not is_same_text and _goes_on(last, run) and _fits(groups[-1], run):
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def _of_words(base: Segment, words: tuple[Word, ...]) -> Segment:
    text = "".join(word.word for word in words).strip()
    return replace(base, text=text, start=words[0].start, end=words[-1].end, words=words)


def _segment(group: Sequence[_Run], instead: Segment) -> Segment:
    words = tuple(word for run in group for word in run.words)
    owned = [run for run in group if run.of is not None]
    base = max(owned, key=lambda run: len(run.words)).of if owned else None
    base = base or instead
    return base if base.words == words else _of_words(base, words)


def join_segments(
    before: Sequence[Segment], after: Sequence[Segment], audio: Shared, lead_in: Sequence[Word] = ()
) -> list[Segment]:
    """Joins the segments of two texts that share audio, each word once.

    Args:
        before: Segments of the earlier text near the boundary.
        after: Segments of the later text near the boundary.
        audio: The shared audio, in seconds; `lead_in` begins at its start.
        lead_in: Words of the later text before its own segments.
    """
    owners: dict[From, Sequence[Segment | None]] = {
        From.BEFORE: [segment for segment in before for _ in segment.words],
        From.AFTER: [*(None for _ in lead_in), *(segment for segment in after for _ in segment.words)],
    }
    words = [word for segment in before for word in segment.words]
    later = [*lead_in, *(word for segment in after for word in segment.words)]
    groups = _groups(_runs(join_words(words, later, audio), owners, after[0].language if after else None))
    instead = next(iter([*after, *before[::-1]]), Segment("", 0, 0, 0, 0, 1, ()))
    return [_segment(group, instead) for group in groups]


def without_stop_at_cut(last: Segment, following: Segment) -> Segment:
    """The segment before a cut, without its full stop if the sentence continues: a decode always ends its text with one."""
    if not last.words or not following.words:
        return last
    word = without_stop(last.words[-1], following.words[0])
    return last if word == last.words[-1] else _of_words(last, (*last.words[:-1], word))
