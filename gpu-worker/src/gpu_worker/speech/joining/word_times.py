"""Times of words in a row; core/transcripts/word-times.ts has the same rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gpu_worker.speech.segments import Word

MIN_WORD_SECONDS: Final = 0.02


def with_durations(words: Sequence[Word], begin_s: float = -math.inf, end_s: float = math.inf) -> list[Word]:
    """Words with consistent times: each lasts at least MIN_WORD_SECONDS and ends before the next one starts.

    A word starts later than it did only if it started less than that after the start of the word before it, and earlier only
    if it would not end by `end_s`. Unchanged words are the same objects.

    Args:
        words: In order.
        begin_s: No word is moved to before this time.
        end_s: The words end by this time, if there is room for all after `begin_s`.
    """
    starts: list[float] = []
    for word in words:
        starts.append(round(max(word.start, starts[-1] + MIN_WORD_SECONDS) if starts else word.start, 3))
    latest = end_s
    for number in reversed(range(len(starts))):
        latest = max(latest - MIN_WORD_SECONDS, begin_s + number * MIN_WORD_SECONDS)
        starts[number] = round(min(starts[number], latest), 3)
        latest = starts[number]
    following = [*starts[1:], end_s]
    return [_timed(word, *times) for word, *times in zip(words, starts, following, strict=False)]


def _timed(word: Word, start: float, following: float) -> Word:
    end = round(max(start + MIN_WORD_SECONDS, min(word.end, following)), 3)
    return word if start == word.start and end == word.end else replace(word, start=start, end=end)
