"""Parts of a file become one transcript: times from the file's beginning, each word once.

Parts that were cut at a silence share nothing. Where there was none they overlap by two seconds (file_audio.py): each takes
the words whose middle is on its side of the overlap's middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpu_worker.engine import Transcription
from gpu_worker.segments import Segment, Word


@dataclass(frozen=True)
class Heard:
    """What was heard of one part; `start` and `overlap_s` as they were cut, in seconds."""

    found: Transcription
    start: float
    overlap_s: float


def _moved(word: Word, by: float) -> Word:
    return replace(word, start=round(word.start + by, 3), end=round(word.end + by, 3))


def _within(segment: Segment, by: float, begin: float, end: float) -> Segment | None:
    """The segment at its place in the file, with the words that are on this part's side; None when there are none."""
    words = tuple(
        moved for moved in (_moved(word, by) for word in segment.words) if begin <= (moved.start + moved.end) / 2 < end
    )
    if not words:
        return None
    if len(words) == len(segment.words):
        return replace(segment, start=round(segment.start + by, 3), end=round(segment.end + by, 3), words=words)
    text = "".join(word.word for word in words).strip()
    return replace(segment, text=text, start=words[0].start, end=words[-1].end, words=words)


def placed(part: Heard, following: Heard | None) -> list[Segment]:
    """Segments of a part at their place in the file, without words that are its neighbours'."""
    begin = part.start + part.overlap_s / 2 if part.overlap_s else float("-inf")
    end = following.start + following.overlap_s / 2 if following is not None and following.overlap_s else float("inf")
    found = (_within(segment, part.start, begin, end) for segment in part.found.segments)
    return [segment for segment in found if segment is not None]


def paragraphs(parts: Sequence[Sequence[Segment]]) -> str:
    """The text, a paragraph for each part."""
    texts = (" ".join(segment.text for segment in part if segment.text) for part in parts)
    return "\n\n".join(text for text in texts if text)
