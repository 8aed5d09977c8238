"""The speaker of each word within one piece of audio, from the vectors of windows around the words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from gpu_worker.speech.segments import Word
from gpu_worker.speech.speakers.clustering import COST, merged

Vectors = npt.NDArray[np.floating]

STRETCH_PAUSE_SECONDS: Final = 0.3
"""A pause this long ends a stretch: turns mostly change in pauses."""
STRETCH_WORDS: Final = 12
"""Longer stretches are divided, because turns also change without a pause."""
SIDE_WORDS: Final = 4
"""Words before and after a position that are compared to divide a stretch."""
PAUSE_SECONDS: Final = 0.02
CHANGE_WITHIN, CHANGE_IN_PAUSE = 0.1, 0.05
"""What a change of speaker costs between two words, without and with a pause, in units of cosine similarity."""
ROUNDS: Final = 8
"""Most rounds of assigning words and averaging the voices again."""
VOICE_WORDS: Final = 3
"""Groups with fewer words are no voice."""
OVERLAP_MARGIN: Final = 0.04
"""How much more similar to two voices than to one a word's window must be."""
SPLIT: Final = 0.4
"""Voices within a block are kept apart from this share of COST on: a later step can join voices, not divide them."""


def _stretches(words: Sequence[Word], units: Vectors) -> list[list[int]]:
    """Consecutive words without a long pause, as indices; long ones are divided where the voice changes most."""
    found: list[list[int]] = []
    for index, word in enumerate(words):
        if found and word.start - words[index - 1].end <= STRETCH_PAUSE_SECONDS:
            found[-1].append(index)
        else:
            found.append([index])
    return [part for stretch in found for part in _divided(stretch, units)]


def _divided(stretch: list[int], units: Vectors) -> list[list[int]]:
    if len(stretch) <= STRETCH_WORDS:
        return [stretch]
    cuts = range(SIDE_WORDS, len(stretch) - SIDE_WORDS + 1)
    sides = ((units[stretch[cut - SIDE_WORDS : cut]], units[stretch[cut : cut + SIDE_WORDS]]) for cut in cuts)
    cut = cuts[int(np.argmin([before.mean(axis=0) @ after.mean(axis=0) for before, after in sides]))]
    return [*_divided(stretch[:cut], units), *_divided(stretch[cut:], units)]


def _unit(vectors: Vectors) -> Vectors:
    units: Vectors = vectors.astype(np.float32)
    units /= np.maximum(np.linalg.norm(units, axis=-1, keepdims=True), 1e-12)
    return units


def _best_path(scores: npt.NDArray[np.floating], change: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Labels with the highest sum of scores, minus the cost of each change (Viterbi). `scores`: [n_words, n_voices]."""
    best = scores[0].astype(np.float64)
    came_from = np.zeros(scores.shape, np.int64)
    stay = np.arange(scores.shape[1])
    for at in range(1, len(scores)):
        other = int(best.argmax())
        switched = best[other] - change[at]
        came_from[at] = np.where(best >= switched, stay, other)
        best = np.maximum(best, switched) + scores[at]
    path = np.empty(len(scores), np.int64)
    path[-1] = best.argmax()
    for at in range(len(scores) - 1, 0, -1):
        path[at - 1] = came_from[at, path[at]]
    return path


def grouped(words: Sequence[Word], long: Vectors, least: int = 1) -> npt.NDArray[np.int64]:
    """Groups similar stretches of words: a first label for each word, int64 [n_words].

    Args:
        words: In order of time, of about half a minute.
        long: Vectors of the long windows around the words, float [n_words, n_dimensions].
        least: Smallest number of groups, if there are as many stretches.
    """
    units = _unit(long)
    stretches = _stretches(words, units)
    seconds = np.array([sum(max(words[index].end - words[index].start, 0.05) for index in one) for one in stretches])
    means = np.stack([units[one].mean(axis=0) for one in stretches]).astype(np.float64)
    labels = np.empty(len(words), np.int64)
    for label, group in enumerate(merged(means, seconds, SPLIT * COST, least)):
        for member in group:
            labels[stretches[member]] = label
    return labels


def assigned(
    words: Sequence[Word], long: Vectors, short: Vectors, labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Gives each word the voice that fits it best, and averages the voices again, until nothing changes.

    Args:
        words: In order of time.
        long: Vectors of the long windows around the words, float [n_words, n_dimensions].
        short: Vectors of the short windows.
        labels: First labels, int64 [n_words].

    Returns:
        Labels from 0 without gaps, int64 [n_words], and the means of the voices, float32 [n_voices, n_dimensions].
    """
    long, short = _unit(long), _unit(short)
    gaps = [0.0] + [after.start - before.end for before, after in zip(words[:-1], words[1:], strict=True)]
    change = np.where(np.array(gaps) > PAUSE_SECONDS, CHANGE_IN_PAUSE, CHANGE_WITHIN)
    for _ in range(ROUNDS):
        sizes = np.bincount(labels)
        kept = np.flatnonzero(sizes >= min(VOICE_WORDS, sizes.max()))
        voices = _unit(np.stack([long[labels == label].mean(axis=0) for label in kept]))
        path = kept[_best_path((long + short) @ voices.T, change)]
        if (path == labels).all():
            break
        labels = path
    used, labels = np.unique(labels, return_inverse=True)
    return labels, np.stack([long[labels == label].mean(axis=0) for label in range(len(used))])


def overlapped(long: Vectors, voices: Vectors) -> npt.NDArray[np.bool_]:
    """Which words sound like two of the voices at once rather than like one, bool [n_words]."""
    units, means = _unit(long), _unit(voices)
    pairs = [(a, b) for a in range(len(means)) for b in range(a)]
    if not pairs:
        return np.zeros(len(units), np.bool_)
    both = units @ _unit(np.stack([means[a] + means[b] for a, b in pairs])).T
    found: npt.NDArray[np.bool_] = both.max(axis=1) > (units @ means.T).max(axis=1) + OVERLAP_MARGIN
    return found
