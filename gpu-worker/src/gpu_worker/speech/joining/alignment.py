"""Finds which words of two texts of the same audio are the same spoken word. Same rules as core/transcripts/alignment.ts."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gpu_worker.speech.segments import Word

EDGE_SECONDS: Final = 0.2
"""A word this close to the edge of its text's audio may be cut."""
MATCH_SECONDS: Final = 0.8
"""Equal words further apart than this are two spoken words."""
COST_PER_SECOND: Final = 2.0
"""Cost per second between the times of two matched words."""
UNMATCHED_WHOLE, UNMATCHED_CUT, UNMATCHED_BEYOND = 1.0, 0.3, 0.1
"""Cost of an unmatched word: the other text has its whole audio; the word may be cut; the other text may lack its audio."""
MISMATCH_WHOLE, MISMATCH_CUT = 0.8, 0.2
"""Cost of two different words at the same time. It is lower if one may be cut, because a cut word is expected to differ."""
SAME_TIME_SECONDS: Final = 0.12
SAME_TIME_SHARE: Final = 0.3
"""Two words are at the same time if their middles are this close, or if they share this much of the shorter word's time."""

_END, _MATCH, _DIFFER, _SKIP_BEFORE, _SKIP_AFTER = range(5)


@dataclass(frozen=True)
class Shared:
    """Audio in both texts, in seconds: the later text's audio begins at `start`, the earlier text's ends at `end`."""

    start: float
    end: float


def middle(word: Word) -> float:
    """Middle of a word, in seconds."""
    return (word.start + word.end) / 2


def is_cut_before(word: Word, shared: Shared) -> bool:
    """Whether a word of the earlier text may be cut, because that text's audio ends in or just after it."""
    return word.end > shared.end - EDGE_SECONDS


def is_cut_after(word: Word, shared: Shared) -> bool:
    """Whether a word of the later text may be cut, because that text's audio begins in or just before it."""
    return word.start < shared.start + EDGE_SECONDS


def is_same_time(a: Word, b: Word) -> bool:
    """Whether two words are at the same time."""
    shared = min(a.end, b.end) - max(a.start, b.start)
    return abs(middle(a) - middle(b)) < SAME_TIME_SECONDS or shared > SAME_TIME_SHARE * min(a.end - a.start, b.end - b.start)


def _letters(word: str) -> str:
    return "".join(letter for letter in word.lower() if unicodedata.category(letter)[0] in "LNM")


def _apart(a: Word, b: Word) -> float:
    """Seconds between two words, at their nearer ends: one decode may stretch a word over an adjacent pause."""
    return min(abs(a.start - b.start), abs(a.end - b.end))


def _unmatched_cost(word: Word, shared: Shared, is_before: bool) -> float:
    is_beyond, is_cut = is_cut_after(word, shared), is_cut_before(word, shared)
    if not is_before:
        is_beyond, is_cut = is_cut, is_beyond
    return UNMATCHED_BEYOND if is_beyond else UNMATCHED_CUT if is_cut else UNMATCHED_WHOLE


def align(before: Sequence[Word], after: Sequence[Word], shared: Shared) -> list[tuple[int, int]]:
    """Computes the alignment of least cost (Needleman-Wunsch).

    Matching equal words costs their distance in time. An unmatched word costs more if the other text should have it. So the
    words of "no no no" are matched by time, not by count.

    Returns:
        Index pairs of the words that are the same spoken word.
    """
    a, b = [_letters(word.word) for word in before], [_letters(word.word) for word in after]
    cost_before = [_unmatched_cost(word, shared, True) for word in before]
    cost_after = [_unmatched_cost(word, shared, False) for word in after]
    n, m = len(before), len(after)
    cost = [[0.0] * (m + 1) for _ in range(n + 1)]
    moves = [[_END] * (m + 1) for _ in range(n + 1)]
    for i in range(n, -1, -1):
        for j in range(m, -1, -1):
            found: list[tuple[float, int]] = []
            if i < n and j < m:
                apart = _apart(before[i], after[j])
                if a[i] == b[j] and apart < MATCH_SECONDS:
                    found.append((COST_PER_SECOND * apart + cost[i + 1][j + 1], _MATCH))
                elif is_same_time(before[i], after[j]):
                    is_cut = is_cut_before(before[i], shared) or is_cut_after(after[j], shared)
                    extra = MISMATCH_CUT if is_cut else MISMATCH_WHOLE
                    found.append((COST_PER_SECOND * apart + cost[i + 1][j + 1] + extra, _DIFFER))
            if i < n:
                found.append((cost_before[i] + cost[i + 1][j], _SKIP_BEFORE))
            if j < m:
                found.append((cost_after[j] + cost[i][j + 1], _SKIP_AFTER))
            if found:
                cost[i][j], moves[i][j] = min(found, key=lambda one: one[0])
    pairs: list[tuple[int, int]] = []
    i, j = 0, 0
    while (move := moves[i][j]) != _END:
        if move == _MATCH:
            pairs.append((i, j))
        i += move != _SKIP_AFTER
        j += move != _SKIP_BEFORE
    return pairs
