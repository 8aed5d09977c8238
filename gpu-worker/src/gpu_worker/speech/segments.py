"""Words, and the segments into which they are split, sized like subtitles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

SPLIT_PAUSE_SECONDS: Final = 0.6
"""A pause this long ends a segment."""
MAX_SEGMENT_SECONDS: Final = 7.0
"""Longest display time of a subtitle (common practice)."""
SENTENCE_SECONDS: Final = 2.0
"""The end of a sentence ends a segment of at least this length."""
SENTENCE_ENDS: Final = (".", "?", "!", "。", "？", "！", "…")  # noqa: RUF001 - punctuation of other scripts


@dataclass(frozen=True)
class Interval:
    """A range of audio in samples, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True)
class Word:
    """One word; times in seconds from the start of the chunk."""

    word: str
    start: float
    end: float
    probability: float
    interpolated: bool = False
    """Whether its times were interpolated from its neighbors."""
    channel: int | None = None
    """Channel of a word of a lead-in, from 1; None if channels are mixed."""
    speaker: int | None = None
    """Index of its voice among those of the chunk; None if speakers were not requested, or the voice is unknown."""
    overlapped: bool = False
    """Whether another person seems to speak at the same time."""


@dataclass(frozen=True)
class Segment:
    """A group of words, with the model's figures for the window that they come from."""

    text: str
    start: float
    end: float
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    words: tuple[Word, ...]
    language: str | None = None
    """ISO 639 code; None in results of older engines."""
    voice: str | None = None
    """Vector of the speaker's voice, int8 as base64; only in results of older workers."""
    channel: int | None = None
    """Number of its channel, from 1; None if channels are mixed."""


def split(segment: Segment) -> list[Segment]:
    """Splits a window's segment at pauses, after sentences, and at the longest subtitle."""
    groups: list[list[Word]] = []
    for word in segment.words:
        if groups and not _ends(groups[-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    return [
        replace(
            segment,
            text="".join(word.word for word in group).strip(),
            start=group[0].start,
            end=group[-1].end,
            words=tuple(group),
        )
        for group in groups
    ]


def _ends(group: list[Word], following: Word) -> bool:
    """Whether the segment ends before the next word."""
    first, last = group[0], group[-1]
    if following.start - last.end >= SPLIT_PAUSE_SECONDS or following.end - first.start > MAX_SEGMENT_SECONDS:
        return True
    return last.end - first.start >= SENTENCE_SECONDS and last.word.rstrip("\"'”’)").endswith(SENTENCE_ENDS)
