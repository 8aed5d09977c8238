"""Inserts words of a second decode into a text where words are missing (a hole), without duplicating any.

Around a hole the times of the first decode are unreliable, because alignment stretches words over missing ones. So both
texts are matched by their words, and a matched word that is or follows a stretched one is taken from the second decode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from gpu_worker.speech.engine.coverage import HOLE_PAD_SECONDS, is_stretched, max_seconds, normalized, plausible_end
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Interval, Word

NEAR_SECONDS: Final = 0.3
"""A new word within this distance of the hole fills it."""
SAME_WORD_SECONDS: Final = 0.6
"""The same word within this time is a duplicate."""

Rest = TypeVar("Rest")
Placed = tuple[Word, Rest]


def patched(known: Sequence[Placed[Rest]], found: Sequence[Placed[Rest]], hole: Interval) -> list[Placed[Rest]]:
    """`known` with the words of a second decode around a hole. Both in order of time, in seconds of the clip."""
    start, end = hole.start / SAMPLE_RATE - HOLE_PAD_SECONDS, hole.end / SAMPLE_RATE + HOLE_PAD_SECONDS
    near = [index for index, (word, _) in enumerate(known) if word.end > start and word.start < end]
    first, past = (near[0], near[-1] + 1) if near else (_position(known, start), _position(known, start))
    old = known[first:past]
    result = list(known[:first])
    i = j = 0
    for at, other in [*_matches(old, found), (len(old), len(found))]:
        result += _gap(old[i:at], found[j:other], hole)
        if at < len(old):
            is_displaced = is_stretched(old[at][0]) or (at > 0 and is_stretched(old[at - 1][0]))
            result.append(found[other] if is_displaced else old[at])
        i, j = at + 1, other + 1
    return sorted([*result, *known[past:]], key=lambda placed: placed[0].start)


def _position(known: Sequence[Placed[Rest]], at_s: float) -> int:
    return next((index for index, (word, _) in enumerate(known) if word.start >= at_s), len(known))


def _matches(old: Sequence[Placed[Rest]], new: Sequence[Placed[Rest]]) -> list[tuple[int, int]]:
    """Index pairs of the longest common subsequence of words."""
    a, b = [normalized(word) for word, _ in old], [normalized(word) for word, _ in new]
    length = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            length[i][j] = length[i + 1][j + 1] + 1 if a[i] == b[j] else max(length[i + 1][j], length[i][j + 1])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _gap(old: Sequence[Placed[Rest]], new: Sequence[Placed[Rest]], hole: Interval) -> list[Placed[Rest]]:
    """Words between two matched ones: new words that fill the hole, and old ones moved aside for them."""
    first, last = hole.start / SAMPLE_RATE - NEAR_SECONDS, hole.end / SAMPLE_RATE + NEAR_SECONDS
    filling = [
        (word, rest)
        for word, rest in new
        if first <= (word.start + word.end) / 2 <= last and not any(is_known(word, other) for other, _ in old)
    ]
    return [*((_settled(word, [one for one, _ in filling]), rest) for word, rest in old), *filling]


def _settled(word: Word, filling: Sequence[Word]) -> Word:
    """Shortens a word that is stretched over missing words to the side with more time."""
    inside = [one for one in filling if word.start < (one.start + one.end) / 2 < word.end]
    if not inside or not is_stretched(word):
        return word
    before, after = inside[0].start - word.start, word.end - inside[-1].end
    if before >= after:
        return replace(word, end=max(word.start, min(inside[0].start, word.start + max_seconds(word))))
    return replace(word, start=min(word.end, max(inside[-1].end, word.end - max_seconds(word))))


def is_known(word: Word, other: Word) -> bool:
    """Whether a word of a second decode duplicates a known one."""
    shared = min(word.end, plausible_end(other)) - max(word.start, other.start)
    if shared > 0.5 * max(0.02, min(word.end - word.start, other.end - other.start)):
        return True
    distance = abs(word.start + plausible_end(word) - other.start - plausible_end(other)) / 2
    return normalized(word) == normalized(other) and distance < SAME_WORD_SECONDS
