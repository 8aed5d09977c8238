"""Joins the parts of a file into one transcript: times from the start of the file, each word once.

Parts that were cut at a pause do not overlap; others overlap by two seconds (speech/media/file_audio.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gpu_worker.speech.engine import Transcription
from gpu_worker.speech.joining.alignment import MATCH_SECONDS, Shared
from gpu_worker.speech.joining.regroup import join_segments, without_stop_at_cut
from gpu_worker.speech.joining.spacing import join_texts
from gpu_worker.speech.segments import Segment, Word


@dataclass
class TranscribedPart:
    """The transcription of one part. `start` and `overlap_s`: in seconds, as cut."""

    found: Transcription
    start: float
    overlap_s: float
    segments: list[Segment] = field(init=False)
    """With times in the file. `take_segments` removes words that belong to the part before it."""

    def __post_init__(self) -> None:
        """Shifts the segments to their times in the file."""
        self.segments = [_shifted(segment, self.start) for segment in self.found.segments]


def _shifted(segment: Segment, by_s: float) -> Segment:
    def later(word: Word) -> Word:
        return replace(word, start=round(word.start + by_s, 3), end=round(word.end + by_s, 3))

    start, end = round(segment.start + by_s, 3), round(segment.end + by_s, 3)
    return replace(segment, start=start, end=end, words=tuple(later(word) for word in segment.words))


def _joined(part: TranscribedPart, following: TranscribedPart) -> list[Segment]:
    """Segments of both parts. Separate channels are joined each for itself, and merged by time."""
    channels = {segment.channel for segment in (*part.segments, *following.segments)}
    joined = [
        replace(segment, channel=channel)
        for channel in sorted(channels, key=lambda number: number or 0)
        for segment in _joined_channel(
            [segment for segment in part.segments if segment.channel == channel],
            [segment for segment in following.segments if segment.channel == channel],
            following,
        )
    ]
    return sorted(joined, key=lambda segment: segment.start) if len(channels) > 1 else joined


def _joined_channel(before: list[Segment], after: list[Segment], following: TranscribedPart) -> list[Segment]:
    """Segments far from the boundary are not changed."""
    if not following.overlap_s:
        last = [without_stop_at_cut(before[-1], after[0])] if before and after else before[-1:]
        return [*before[:-1], *last, *after]
    audio = Shared(following.start, following.start + following.overlap_s)
    near = next((i for i, one in enumerate(before) if one.end > audio.start - MATCH_SECONDS), len(before))
    past = next((i for i, one in enumerate(after) if one.start >= audio.end + MATCH_SECONDS), len(after))
    return [*before[:near], *join_segments(before[near:], after[:past], audio), *after[past:]]


def take_segments(part: TranscribedPart, following: TranscribedPart | None) -> list[Segment]:
    """Segments of a part, each word once. Joined segments after the boundary become the first ones of the following part."""
    if following is None:
        return part.segments
    joined = _joined(part, following)
    count = next((i for i, segment in enumerate(joined) if segment.start >= following.start), len(joined))
    following.segments = joined[count:]
    return joined[:count]


def paragraphs(parts: Sequence[Sequence[Segment]]) -> str:
    """The whole text, one paragraph per part."""
    texts = (join_texts(segment.text for segment in part) for part in parts)
    return "\n\n".join(text for text in texts if text)
