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
