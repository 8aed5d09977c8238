"""From speech intervals to windows for the model, and from the model's words to segments that read like subtitles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

SPLIT_PAUSE_SECONDS: Final = 0.6
"""A pause this long ends a segment."""
MAX_SEGMENT_SECONDS: Final = 7.0
"""Longest time that a subtitle stays (the field's usual limit)."""


@dataclass(frozen=True)
class Interval:
    """Part of some audio, in samples, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True)
class Word:
    """One word; times in seconds from the beginning of the chunk."""

    word: str
    start: float
    end: float
    probability: float
    interpolated: bool = False
    """Its times were not heard but reckoned from its neighbours."""


@dataclass(frozen=True)
class Segment:
    """Words that belong together, with the model's figures for the window they are from."""

    text: str
    start: float
    end: float
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    words: tuple[Word, ...]
    voice: str | None = None
    """Vector of the speaker's voice, int8 as base64, where speakers were asked for."""


def pack(speech: Sequence[Interval], max_samples: int) -> list[Interval]:
    """Neighbouring speech intervals become one window while it stays within the model's length; longer ones are cut."""
    windows: list[Interval] = []
    for interval in speech:
        if windows and interval.end - windows[-1].start <= max_samples:
            windows[-1] = Interval(windows[-1].start, interval.end)
            continue
        start = interval.start
        while interval.end - start > max_samples:
            windows.append(Interval(start, start + max_samples))
            start += max_samples
        windows.append(Interval(start, interval.end))
    return windows


LOOP_WORDS: Final = 8
"""Longest group of words whose repetition is looked for."""
LOOP_REPEATS: Final = 4
LOOP_LENGTH: Final = 10
"""A group that comes so often in a row, in so many words, was not spoken: models fall into such loops."""


def loop_start(words: Sequence[str]) -> int | None:
    """Index of the first repetition of a loop; None when there is no loop."""
    plain = [word.strip().lower().strip(".,!?") for word in words]
    for at in range(len(plain)):
        for size in range(1, LOOP_WORDS + 1):
            group = plain[at : at + size]
            repeats = 1
            while plain[at + repeats * size : at + (repeats + 1) * size] == group:
                repeats += 1
            if repeats >= LOOP_REPEATS and repeats * size >= LOOP_LENGTH:
                return at + size
    return None


def spread(text: str, start: float, end: float) -> tuple[Word, ...]:
    """Words of a text of which only the whole's times are known: each gets time by its letters."""
    parts = text.split()
    letters = sum(map(len, parts)) or 1
    words: list[Word] = []
    at = start
    for part in parts:
        until = at + (end - start) * len(part) / letters
        words.append(Word(f" {part}", round(at, 3), round(until, 3), 0.0, interpolated=True))
        at = until
    return tuple(words)


def split(segment: Segment) -> list[Segment]:
    """Cuts a window's segment at pauses, and where a subtitle would stay too long."""
    groups: list[list[Word]] = []
    for word in segment.words:
        pause = word.start - groups[-1][-1].end if groups else 0.0
        if groups and pause < SPLIT_PAUSE_SECONDS and word.end - groups[-1][0].start <= MAX_SEGMENT_SECONDS:
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
