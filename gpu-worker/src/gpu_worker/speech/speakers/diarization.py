"""The voices in a piece of audio (a chunk, a part of a file, a file), and the voice of each of its words.

Steps: a long and a short window of audio around each word, within its stretch of speech; their vectors; groups of similar
stretches; then each word gets the voice that fits its windows best, where a change of voice costs something (turns.py).
speakers_of finds which voices of all chunks belong to one person.

Only words get voices: noise and music have none. Memory is that of the vectors, 1 KB per word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from gpu_worker.speech.segments import Segment, Word
from gpu_worker.speech.speakers.clustering import Voice, packed, speakers_of
from gpu_worker.speech.speakers.features import SAMPLE_RATE, Audio
from gpu_worker.speech.speakers.model import SHORTEST_SECONDS, SpeakerModel
from gpu_worker.speech.speakers.turns import Vectors, assigned, grouped, overlapped

WINDOW_PAUSE_SECONDS: Final = 0.25
"""A window does not reach over a longer pause."""
PAD_SECONDS: Final = 0.05
"""Audio before and after a stretch, because words' times are not exact."""
SHORT: Final = 0.5
"""Length of the short windows as a share of the model's."""
BLOCK_SECONDS: Final = 30.0
"""Longer audio is first divided into blocks of about this length: within one, grouping is most reliable, and it is cheap."""


@dataclass(frozen=True)
class Limits:
    """Numbers of speakers that the user knows."""

    least: int = 1
    most: int | None = None


@dataclass(frozen=True)
class Diarized:
    """The voices in a piece of audio."""

    voices: tuple[Voice, ...]
    labels: tuple[int | None, ...]
    """For each word, the index of its voice; None if there is none."""
    overlapped: tuple[bool, ...]
    """For each word, whether another person seems to speak at the same time."""


def _windows(words: Sequence[Word], length_s: float, duration_s: float) -> list[tuple[float, float]]:
    """A window around each word, in seconds, moved and cut to stay within the word's stretch."""
    starts = [
        0,
        *(at for at in range(1, len(words)) if words[at].start - words[at - 1].end > WINDOW_PAUSE_SECONDS),
        len(words),
    ]
    found = []
    for first, end in zip(starts[:-1], starts[1:], strict=True):
        low = max(0.0, words[first].start - PAD_SECONDS)
        high = min(duration_s, max(word.end for word in words[first:end]) + PAD_SECONDS)
        for word in words[first:end]:
            start = max(low, min((word.start + word.end - length_s) / 2, high - length_s))
            found.append((start, min(high, start + length_s)))
    return found


def diarize(
    model: SpeakerModel,
    audio: Audio,
    words: Sequence[Word],
    limits: Limits | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Diarized:
    """The voices in a piece of audio and the voice of each word.

    Args:
        model: A loaded model.
        audio: float32 [n_samples], 16 kHz.
        words: In order of time, in seconds from the start of the audio.
        limits: Numbers of speakers, if they are known.
        on_step: Called before each run of the model.
    """
    if not words or len(audio) < SHORTEST_SECONDS * SAMPLE_RATE:
        return Diarized((), (None,) * len(words), (False,) * len(words))
    length_s, duration_s = model.features.seconds, len(audio) / SAMPLE_RATE
    spans = [*_windows(words, length_s, duration_s), *_windows(words, length_s * SHORT, duration_s)]
    long, short = np.split(model.vectors_at(audio, spans, on_step), 2)
    seconds = np.array([max(word.end - word.start, 0.0) for word in words])
    labels, means = _over_blocks(words, long, short, seconds, duration_s, limits or Limits())
    return Diarized(
        tuple(Voice(packed(mean), round(float(seconds[labels == label].sum()), 2)) for label, mean in enumerate(means)),
        tuple(labels.tolist()),
        tuple(overlapped(long, means).tolist()),
    )


def with_voices(
    model: SpeakerModel,
    audio: Audio,
    segments: Sequence[Segment],
    limits: Limits | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> tuple[tuple[Segment, ...], tuple[Voice, ...]]:
    """Segments whose words name their voices, and the voices. Arguments as of `diarize`; segments in order of time."""
    found = diarize(model, audio, [word for segment in segments for word in segment.words], limits, on_step)
    marks = iter(zip(found.labels, found.overlapped, strict=True))
    marked = []
    for segment in segments:
        words = [
            replace(word, speaker=label, overlapped=is_overlapped)
            for word, (label, is_overlapped) in zip(segment.words, islice(marks, len(segment.words)), strict=True)
        ]
        marked.append(replace(segment, words=tuple(words)))
    return tuple(marked), found.voices


def _over_blocks(
    words: Sequence[Word], long: Vectors, short: Vectors, seconds: npt.NDArray[np.float64], duration_s: float, limits: Limits
) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Labels and voices: block by block, then joined over all blocks. Returns what `assigned` does."""
    blocks = max(1, round(duration_s / BLOCK_SECONDS))
    block_of = np.array([min(blocks - 1, int(word.start / duration_s * blocks)) for word in words])
    labels = np.empty(len(words), np.int64)
    voices: list[Voice] = []
    for block in np.unique(block_of):
        at = np.flatnonzero(block_of == block)
        part = [words[int(index)] for index in at]
        first = grouped(part, long[at], limits.least if blocks == 1 else 1)
        found, means = assigned(part, long[at], short[at], first)
        labels[at] = found + len(voices)
        voices += [Voice(packed(mean), float(seconds[at][found == label].sum())) for label, mean in enumerate(means)]
        if blocks == 1:
            return found, means
    speakers = np.array(speakers_of(voices, limits.least, limits.most))
    return assigned(words, long, short, speakers[labels])
