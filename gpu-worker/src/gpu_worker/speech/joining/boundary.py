"""Joins two texts that share audio. core/transcripts/boundary.ts describes and implements the same steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Final

from gpu_worker.speech.joining.alignment import (
    MATCH_SECONDS,
    Shared,
    align,
    is_cut_after,
    is_cut_before,
    is_same_time,
    middle,
)
from gpu_worker.speech.joining.punctuation import with_capitals_of, with_marks_of, without_stop
from gpu_worker.speech.joining.spacing import without_needless_spaces
from gpu_worker.speech.joining.word_times import MIN_WORD_SECONDS, with_durations
from gpu_worker.speech.segments import Word

MAX_ALIGNED_SECONDS: Final = 10.0
"""Longest shared audio that is aligned, to bound the cost; of longer audio only the end is aligned."""
LONGEST_VERSION_SECONDS: Final = 2.0
"""Versions that differ for longer than this are split by time."""
MIN_PROBABILITY: Final = 0.35
"""A word that only one text has and that is less probable than this is dropped."""


class From(Enum):
    """Which of the two texts a word comes from."""

    BEFORE = 0
    AFTER = 1


@dataclass(frozen=True)
class Kept:
    """A word of the joined text, and its index in the text that it comes from."""

    word: Word
    origin: From
    index: int


def _versions(words: Sequence[Kept]) -> list[list[Kept]]:
    """Groups words that are at the same time, in order of time. A word without a counterpart is a group of its own."""
    groups: list[list[Kept]] = []
    for item in sorted(words, key=lambda one: middle(one.word)):
        first = next(
            (
                index
                for index, group in enumerate(groups)
                if any(other.origin != item.origin and is_same_time(other.word, item.word) for other in group)
            ),
            len(groups),
        )
        groups[first:] = [[*(other for group in groups[first:] for other in group), item]]
    return groups


def _stays_alone(item: Kept, shared: Shared) -> bool:
    """Whether a word that only one text has is kept; always if the other text lacks its audio."""
    is_beyond, is_cut = is_cut_after(item.word, shared), is_cut_before(item.word, shared)
    if item.origin is From.AFTER:
        is_beyond, is_cut = is_cut, is_beyond
    return is_beyond or (not is_cut and (item.word.interpolated or item.word.probability > MIN_PROBABILITY))


def _seconds(words: Sequence[Kept]) -> float:
    return sum(one.word.end - one.word.start for one in words)


def _chosen(group: Sequence[Kept], shared: Shared) -> list[Kept]:
    """The words that are kept of different versions of the same speech."""
    half = (shared.start + shared.end) / 2
    before = [one for one in group if one.origin is From.BEFORE]
    after = [one for one in group if one.origin is From.AFTER]
    if not before or not after:
        return [one for one in group if _stays_alone(one, shared)]
    is_cut = all(is_cut_before(one.word, shared) for one in before)
    if is_cut != all(is_cut_after(one.word, shared) for one in after):
        return after if is_cut else before
    if group[-1].word.end - group[0].word.start > LONGEST_VERSION_SECONDS:
        return [one for one in group if (middle(one.word) < half) == (one.origin is From.BEFORE)]
    if is_cut:
        return before if _seconds(before) > _seconds(after) else after
    return before if sum(middle(one.word) for one in group) / len(group) < half else after


def _matched(one: Kept, other: Kept, shared: Shared) -> Kept:
    """One word for two equal ones. Different times come from a cut word, or one that is stretched over an adjacent pause."""
    is_cut_one, is_cut_other = is_cut_before(one.word, shared), is_cut_after(other.word, shared)
    is_first = middle(one.word) < (shared.start + shared.end) / 2 if is_cut_one == is_cut_other else is_cut_other
    kept = one if is_first else other
    start = one.word.start if is_cut_other else max(one.word.start, other.word.start)
    end = other.word.end if is_cut_one else min(one.word.end, other.word.end)
    return kept if end - start < MIN_WORD_SECONDS else replace(kept, word=replace(kept.word, start=start, end=end))


def _at_change(kept: list[Kept], texts: dict[From, Sequence[Word]], matched: Sequence[tuple[int, int]]) -> list[Kept]:
    """Takes punctuation and capitals at a change of text from a text that has both words."""
    twins = {From.BEFORE: dict(matched), From.AFTER: {after: before for before, after in matched}}
    joined = list(kept)
    for at, (_, following) in enumerate(pairwise(kept)):
        one = joined[at]
        if one.origin is following.origin:
            continue
        twin_of_one = twins[one.origin].get(one.index)
        twin_of_next = twins[following.origin].get(following.index)
        if twin_of_one is not None and twin_of_one == following.index - 1:
            joined[at] = replace(one, word=with_marks_of(one.word, texts[following.origin][twin_of_one]))
        elif twin_of_next is not None and twin_of_next == one.index + 1:
            capital = texts[one.origin][twin_of_next]
            joined[at + 1] = replace(following, word=with_capitals_of(following.word, capital))
        elif one.origin is From.BEFORE:
            joined[at] = replace(one, word=without_stop(one.word, following.word))
    return joined


def join_words(before: Sequence[Word], after: Sequence[Word], audio: Shared) -> list[Kept]:
    """Joins the words of two texts that share audio, each word once. All times have the same origin."""
    shared = Shared(max(audio.start, audio.end - MAX_ALIGNED_SECONDS), audio.end)
    a = [Kept(word, From.BEFORE, index) for index, word in enumerate(before)]
    b = [Kept(word, From.AFTER, index) for index, word in enumerate(after)]
    if shared.start > audio.start:  # words before the aligned part come from the first text
        b = [one for one in b if middle(one.word) >= shared.start]
    shown = next((i for i, one in enumerate(a) if one.word.end > shared.start - MATCH_SECONDS), len(a))
    past = next((j for j, one in enumerate(b) if one.word.start >= shared.end + MATCH_SECONDS), len(b))
    tail, head = a[shown:], b[:past]
    pairs = align([one.word for one in tail], [one.word for one in head], shared)
    kept = a[:shown]
    i, j = 0, 0
    for of_tail, of_head in [*pairs, (len(tail), len(head))]:
        for group in _versions([*tail[i:of_tail], *head[j:of_head]]):
            kept += _chosen(group, shared)
        if of_tail < len(tail):
            kept.append(_matched(tail[of_tail], head[of_head], shared))
        i, j = of_tail + 1, of_head + 1
    matched = [(tail[i].index, head[j].index) for i, j in pairs]
    texts: dict[From, Sequence[Word]] = {From.BEFORE: before, From.AFTER: after}
    joined = [*_at_change(kept, texts, matched), *b[past:]]
    # the times of two decodes may contradict each other
    timed = with_durations(without_needless_spaces([one.word for one in joined]))
    return [replace(one, word=word) for one, word in zip(joined, timed, strict=True)]
