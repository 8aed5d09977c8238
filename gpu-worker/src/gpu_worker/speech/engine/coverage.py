"""Plausibility of a text: speech without words, repetition, and more words than fit the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gpu_worker.speech.engine.speech import FRAME_SAMPLES, Mask, Window, runs
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Interval, Word

WORD_SECONDS: Final = 0.2
LETTER_SECONDS: Final = 0.06
"""Base and per-letter share of the longest time that a word can take. Alignment stretches words over skipped speech."""
DIGIT_LETTERS: Final = 5
"""A digit is spoken like a word of this many letters."""
STRETCHED_SECONDS: Final = 0.3
"""A word that exceeds its longest time by this much is stretched over skipped speech."""
REACH_SECONDS: Final = 0.2
"""Speech within this distance of a word belongs to it."""
HOLE_SECONDS: Final = 0.6
"""Shortest hole (speech without words) that is decoded again."""
LISTED_SECONDS: Final = 0.7
"""Shortest hole that is listed if it still has no words."""
HOLE_GAP_SECONDS: Final = 1.5
"""Holes closer than this are one."""
HOLE_PAD_SECONDS: Final = 0.5
"""Audio on either side of a hole that is decoded with it."""

LOOP_WORDS: Final = 8
"""Longest group of words that is checked for repetition."""
LOOP_REPEATS: Final = 4
LOOP_LENGTH: Final = 10
LOOP_WORDS_PER_SECOND: Final = 6.0
"""A group that is repeated at least LOOP_REPEATS times, with at least LOOP_LENGTH words in total, and faster than people
speak, is a loop of the model."""

MAX_WORD_LETTERS: Final = 60
"""A longer word is a loop within a word ("ahhhh…")."""

PHRASE_WORDS: Final = range(3, 13)
"""Lengths of a phrase that is suspicious when it occurs twice in a row."""
MAX_COMPRESSION: Final = 2.2
MIN_LOGPROB: Final = -0.8
MAX_WORDS_PER_SECOND: Final = 5.0


def normalized(word: Word) -> str:
    """The word without case and punctuation, for comparison."""
    return word.word.strip().lower().strip(".,!?;:\"'")


def max_seconds(word: Word) -> float:
    """Longest time in seconds that a word can take."""
    letters = sum(DIGIT_LETTERS if letter.isdigit() else 1 for letter in normalized(word))
    return WORD_SECONDS + LETTER_SECONDS * letters


def plausible_end(word: Word) -> float:
    """Latest plausible end of a word, in seconds."""
    return min(word.end, word.start + max_seconds(word))


def is_stretched(word: Word) -> bool:
    """Whether a word takes clearly more time than it can."""
    return word.end - word.start > max_seconds(word) + STRETCHED_SECONDS


def uncovered(mask: Mask, words: Sequence[Word], beside_stretched_s: float = 0.0) -> Mask:
    """Speech frames that no word covers, bool [n_frames].

    Args:
        mask: Speech, bool [n_frames].
        words: In order of time.
        beside_stretched_s: Distance within which speech belongs to a stretched word. With 0, all possible holes are found.
    """
    frames_per_second = SAMPLE_RATE / FRAME_SAMPLES
    begins = {frame: run.start for run in runs(mask) for frame in range(run.start, run.end)}
    left = mask.copy()
    ended, was_stretched = -1, False
    for word in words:
        first = int((word.start - (beside_stretched_s if was_stretched else REACH_SECONDS)) * frames_per_second)
        begin = begins.get(min(int(word.start * frames_per_second), len(mask) - 1))
        if begin is not None and ended < begin:
            # The first word after a pause is often aligned too late.
            first = min(first, max(begin, int((word.end - max_seconds(word)) * frames_per_second)))
        was_stretched = is_stretched(word)
        ended = int(plausible_end(word) * frames_per_second)
        reach_s = beside_stretched_s if was_stretched else REACH_SECONDS
        left[max(0, first) : int((plausible_end(word) + reach_s) * frames_per_second) + 1] = False
    return left


def holes(left: Mask, least_s: float = HOLE_SECONDS) -> list[Interval]:
    """Stretches of the clip, in samples, with at least `least_s` seconds of uncovered speech."""
    found: list[tuple[Interval, int]] = []
    for run in runs(left):
        start, end = run.start * FRAME_SAMPLES, run.end * FRAME_SAMPLES
        if found and start - found[-1][0].end < HOLE_GAP_SECONDS * SAMPLE_RATE:
            before, speech = found.pop()
            found.append((Interval(before.start, end), speech + end - start))
        else:
            found.append((Interval(start, end), end - start))
    return [hole for hole, speech in found if speech >= least_s * SAMPLE_RATE]


def around(hole: Interval, window: Window) -> Window | None:
    """The part of a window around a hole, with some audio on either side; None if they do not overlap."""
    pad = int(HOLE_PAD_SECONDS * SAMPLE_RATE)
    return window.within(Interval(hole.start - pad, hole.end + pad))


def loop_start(words: Sequence[Word]) -> int | None:
    """Index of the first repetition of a loop; None without a loop. Slow repetition ("no, no, no") is speech."""
    spoken = [normalized(word) for word in words]
    for at in range(len(spoken)):
        if len(spoken[at]) > MAX_WORD_LETTERS:
            return at
        for size in range(1, LOOP_WORDS + 1):
            repeats = 1
            while spoken[at + repeats * size : at + (repeats + 1) * size] == spoken[at : at + size]:
                repeats += 1
            count = repeats * size
            if repeats < LOOP_REPEATS or count < LOOP_LENGTH:
                continue
            seconds = words[at + count - 1].end - words[at].start
            if count > LOOP_WORDS_PER_SECOND * seconds:
                return at + size
    return None


def repeats_phrase(words: Sequence[Word]) -> bool:
    """Whether a phrase occurs twice in a row."""
    spoken = [normalized(word) for word in words]
    return any(
        spoken[at : at + size] == spoken[at + size : at + 2 * size]
        for size in PHRASE_WORDS
        for at in range(len(spoken) - 2 * size + 1)
    )


def echoes(words: Sequence[Word], prompt: str, least: int = 3) -> bool:
    """Whether `least` consecutive words of the prompt occur in the text; of a shorter prompt, all of them."""
    prompt_words = [part for part in (part.strip(".,!?;:\"'") for part in prompt.lower().split()) if part]
    spoken = [normalized(word) for word in words]
    size = min(least, len(prompt_words))
    if size == 0:
        return False
    phrases = {tuple(prompt_words[at : at + size]) for at in range(len(prompt_words) - size + 1)}
    return any(tuple(spoken[at : at + size]) in phrases for at in range(len(spoken) - size + 1))
