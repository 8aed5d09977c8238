"""Counts how often a word was spoken in a row.

The model miscounts a long run of one word, differently on each CPU. People repeat a word at a steady tempo, so the loudness
of the audio has a period, by which the words are counted. Without a clear period, the model's words stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from gpu_worker.speech.engine.coverage import normalized
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Word

LEAST_WORDS: Final = 4
"""Fewer words in a row are counted well by the model."""
FRAME_SECONDS: Final = 0.01
SMOOTH_FRAMES: Final = 5
TEMPO: Final = (0.6, 1.6)
"""The period is searched between these multiples of the model's own spacing."""
SHORTEST_SECONDS: Final = 0.1
"""A shorter period is no spoken word."""
STEADY: Final = 0.7
"""Least correlation of the loudness with itself, one period later. Measured on test/fixtures/speech: 0.99 for the repeated
word, at most 0.5 for other speech."""
NEARLY: Final = 0.9
"""Share of the highest correlation that makes a peak of a shorter period the right one."""
ALIKE: Final = 0.8
"""Least correlation with the median period; periods below it at either end of the run are another word or silence."""
DRIFT: Final = 0.15
"""A repetition may begin this share of a period sooner or later than the previous one predicts."""
DOUBLE_SHARE: Final = 0.4
"""Without a period: a repeated word that follows sooner than this share of the median spacing was not spoken."""

Loudness = npt.NDArray[np.float32]


def repeated_word(words: Sequence[Word]) -> tuple[int, int] | None:
    """Start and end index of the longest run of one word; None if it has fewer than LEAST_WORDS words."""
    spoken = [normalized(word) for word in words]
    best = (0, 0)
    start = 0
    for at in range(1, len(spoken) + 1):
        if at == len(spoken) or spoken[at] != spoken[start]:
            best = max(best, (start, at), key=lambda run: run[1] - run[0])
            start = at
    return best if best[1] - best[0] >= LEAST_WORDS else None


def confirms(words: Sequence[Word], again: Sequence[Word]) -> bool:
    """Whether both decodes have a run of the same word, which was then spoken."""
    run, other = repeated_word(words), repeated_word(again)
    return run is not None and other is not None and normalized(words[run[0]]) == normalized(again[other[0]])


def recounted(words: Sequence[Word], audio: npt.NDArray[np.float32]) -> tuple[Word, ...]:
    """`words` with their longest run of one word counted by the audio.

    Args:
        words: Of a window, in order of time, in seconds of `audio`.
        audio: float32 [n_samples], 16 kHz.
    """
    run = repeated_word(words)
    if run is None:
        return tuple(words)
    first, past = run
    start_s = words[first].start
    end_s = words[past].start if past < len(words) else len(audio) / SAMPLE_RATE
    spoken = words[first:past]
    beats = _beats(_loudness(audio), start_s, end_s, (end_s - start_s) / len(spoken))
    counted = _placed(spoken, beats) if beats else _without_doubles(spoken)
    return (*words[:first], *counted, *words[past:])


def _loudness(audio: npt.NDArray[np.float32]) -> Loudness:
    """Root mean square of each frame, smoothed, float32 [n_frames]."""
    size = int(FRAME_SECONDS * SAMPLE_RATE)
    frames = audio[: len(audio) // size * size].reshape(-1, size)
    raw = np.sqrt(np.mean(frames**2, axis=1))
    return np.convolve(raw, np.ones(SMOOTH_FRAMES) / SMOOTH_FRAMES, "same").astype(np.float32)


def _beats(loudness: Loudness, start_s: float, end_s: float, spacing_s: float) -> list[tuple[float, float]]:
    """Start and end in seconds of each repetition; none without a steady period."""
    run = loudness[int(start_s / FRAME_SECONDS) : int(end_s / FRAME_SECONDS)]
    period = _period(run, spacing_s / FRAME_SECONDS)
    if period is None:
        return []
    # The middle of a repetition: the center of the loudness, averaged over all periods.
    turns = np.arange(len(run)) / period
    middle = float(np.angle(np.sum(run * np.exp(2j * np.pi * turns)))) / (2 * np.pi) % 1
    first = int(start_s / FRAME_SECONDS)
    steady = [first + (whole + middle - 0.5) * period for whole in range(int(len(run) / period - middle) + 1)]
    typical = np.median([_part(loudness, at, period) for at in steady], axis=0)
    center = steady[len(steady) // 2]
    # The model's times decide where the run ends, so before and after it there may be silence or part of another word.
    before = _alike(loudness, typical, center - period, -period, (first - period / 2, center))
    after = _alike(loudness, typical, center, period, (center - period, first + len(run) - period / 2))
    return [(max(0.0, at * FRAME_SECONDS), (at + period) * FRAME_SECONDS) for at in sorted([*before, *after])]


def _alike(loudness: Loudness, typical: Loudness, at: float, step: float, within: tuple[float, float]) -> list[float]:
    """Starts of consecutive periods that are like the typical one, from `at`. Each may begin a little sooner or later."""
    found: list[float] = []
    reach = int(DRIFT * abs(step))
    while True:
        likeness, start = max(
            (_correlation(_part(loudness, at + shift, abs(step)), typical), at + shift) for shift in range(-reach, reach + 1)
        )
        if likeness < ALIKE or not within[0] <= start <= within[1]:
            return found
        found.append(start)
        at = start + step


def _part(loudness: Loudness, start: float, size: float) -> Loudness:
    """A part of the loudness; zero outside of the audio."""
    padded = np.pad(loudness, 2 * int(size))
    return padded[round(start) + 2 * int(size) :][: int(size)]


def _period(loudness: Loudness, spacing: float) -> float | None:
    """The period in frames, near `spacing`; None if the loudness is not periodic."""
    shortest, longest = (round(share * spacing) for share in TEMPO)
    lags = range(max(shortest, int(SHORTEST_SECONDS / FRAME_SECONDS)), min(longest, len(loudness) // 2) + 1)
    found = [_correlation(loudness[:-lag], loudness[lag:]) for lag in lags]
    if not found or max(found) < STEADY:
        return None
    # Two periods correlate as well as one, so the first peak that is nearly as high as the highest decides.
    at = next(n for n, value in enumerate(found) if value >= max(STEADY, NEARLY * max(found), *found[n + 1 : n + 2]))
    if 0 < at < len(found) - 1:  # between two frames: the top of the parabola through three
        before, top, after = found[at - 1 : at + 2]
        return lags[at] + (before - after) / (2 * (before - 2 * top + after))
    return float(lags[at])


def _correlation(a: Loudness, b: Loudness) -> float:
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt(np.sum(a**2) * np.sum(b**2)))
    return float(np.sum(a * b)) / power if power > 0 else 0.0


def _placed(spoken: Sequence[Word], beats: Sequence[tuple[float, float]]) -> list[Word]:
    """One word per beat. The last one keeps its punctuation."""
    *before, last = spoken
    more = [before[-1]] * (len(beats) - len(spoken))
    words = [*before[: len(beats) - 1], *more, last]
    return [replace(word, start=start, end=end) for word, (start, end) in zip(words, beats, strict=True)]


def _without_doubles(spoken: Sequence[Word]) -> list[Word]:
    """Drops words that follow too soon: the model counts badly, but aligns well."""
    spacings = sorted(b.start - a.start for a, b in zip(spoken, spoken[1:], strict=False))
    least = DOUBLE_SHARE * spacings[len(spacings) // 2]
    kept = [spoken[0]]
    for word in spoken[1:]:
        if word.start - kept[-1].start >= least:
            kept.append(word)
    return kept
