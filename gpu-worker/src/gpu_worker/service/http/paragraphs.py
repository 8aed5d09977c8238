"""Divides a text into paragraphs; core/transcripts/paragraphs.ts has the same rules and explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gpu_worker.service.queue.results import StoredSegment
from gpu_worker.speech.joining.punctuation import ends_sentence
from gpu_worker.speech.joining.spacing import word_count

SENTENCE_PAUSE_SECONDS: Final = 1.5
LONG_PAUSE_SECONDS: Final = 4.0
PARAGRAPH_WORDS: Final = 90
SENTENCE_WORDS: Final = 250


@dataclass(frozen=True)
class _Counted:
    segment: StoredSegment
    words: float
    pause_s: float
    """Seconds between it and everything before it."""

    @property
    def ends_sentence(self) -> bool:
        return ends_sentence(self.segment["text"])


def _words(part: Sequence[_Counted]) -> float:
    return sum(one.words for one in part)


def _ends_before(following: _Counted, paragraph: Sequence[_Counted]) -> bool:
    """Whether a paragraph ends before the next segment."""
    if not paragraph:
        return False
    last = paragraph[-1]
    if last.segment.get("speaker") != following.segment.get("speaker") or following.pause_s > LONG_PAUSE_SECONDS:
        return True
    is_full = _words(paragraph) >= PARAGRAPH_WORDS
    return last.ends_sentence and (following.pause_s > SENTENCE_PAUSE_SECONDS or is_full)


def _before_largest_pause(paragraph: Sequence[_Counted]) -> int:
    """Number of segments before the largest pause that follows enough words."""
    at, largest, words = len(paragraph) - 1, 0.0, 0.0
    for number, one in enumerate(paragraph):
        if words >= PARAGRAPH_WORDS and one.pause_s >= largest:
            at, largest = number, one.pause_s
        words += one.words
    return at


def _unfinished_words(paragraph: Sequence[_Counted]) -> float:
    """Number of words since the last end of a sentence."""
    ends = [number for number, one in enumerate(paragraph, 1) if one.ends_sentence]
    return _words(paragraph[ends[-1] if ends else 0 :])


def paragraphs_of(segments: Sequence[StoredSegment]) -> list[list[StoredSegment]]:
    """The segments of each paragraph."""
    paragraphs: list[list[_Counted]] = []
    paragraph: list[_Counted] = []
    end = segments[0]["start"] if segments else 0.0
    for segment in segments:
        following = _Counted(segment, word_count(segment["text"]), max(0.0, segment["start"] - end))
        if _ends_before(following, paragraph):
            paragraphs.append(paragraph)
            paragraph = []
        paragraph.append(following)
        if _unfinished_words(paragraph) > SENTENCE_WORDS:
            at = _before_largest_pause(paragraph)
            paragraphs.append(paragraph[:at])
            paragraph = paragraph[at:]
        end = max(end, segment["end"])
    return [[one.segment for one in every] for every in [*paragraphs, paragraph] if every]
