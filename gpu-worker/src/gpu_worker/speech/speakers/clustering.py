"""Which voices belong to one speaker. core/transcripts/clustering.ts is the same; test/fixtures/speakers has examples.

Voices are merged bottom-up, the cheapest pair first. The cost of a pair is Ward's: the squared distance of their means times
their combined weight. A weight grows with the seconds of speech, but only up to SATURATION_SECONDS: what is said changes a
voice too, so that an hour of speech is not more certain than some minutes, and one person for an hour stays one speaker.

Gotcha: the result must not depend on the order of the voices, because chunks arrive in any order. So voices are sorted
first, and more than BLOCK voices are thinned out block by block.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Seconds = npt.NDArray[np.float64]
Groups = list[list[int]]

SATURATION_SECONDS: Final = 26.0
COST: Final = 1.4
"""Pairs that cost more are different speakers."""
ALIKE: Final = 0.3
"""Pairs below this share of COST are merged block by block."""
BLOCK: Final = 128
"""Voices that are compared with each other at once."""
SPEAKER_SECONDS, SPEAKER_SHARE = 2.5, 0.1
"""Voices with less speech than both, in seconds and of all speech, are no speaker; each joins the most similar."""
RARE_SHARE, RARE_ALIKE = 0.015, 0.88
"""A voice with a smaller share of all speech and a higher cosine similarity is another's: some chunks of an hour differ."""
MIXTURE: Final = 0.92
"""Cosine similarity above which a voice is two others at the same time."""


@dataclass(frozen=True)
class Voice:
    """A voice in one chunk."""

    vector: str
    """int8 as base64, of any length."""
    seconds: float
    """Seconds of speech."""


def packed(vector: npt.NDArray[np.floating]) -> str:
    """A vector as int8 in base64."""
    return base64.b64encode(np.round(vector / (np.abs(vector).max() or 1) * 127).astype(np.int8).tobytes()).decode()


def unit_vector(vector: str) -> Vectors:
    """The vector of a voice with length 1, float64 [n_dimensions]."""
    values = np.frombuffer(base64.b64decode(vector), dtype=np.int8).astype(np.float64)
    return values / (float(np.linalg.norm(values)) or 1.0)


def merged(units: Vectors, seconds: Seconds, cost: float, least: int = 1, most: int | None = None) -> Groups:
    """Groups of voices, as indices, the cheapest merges first.

    Args:
        units: Vectors of length 1, float64 [n_voices, n_dimensions].
        seconds: Seconds of speech of each, float64 [n_voices].
        cost: Pairs that cost more stay apart, unless there are more than `most` groups.
        least: Smallest number of groups.
        most: Largest number of groups; None: any number.
    """
    squares = (units * units).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * units @ units.T, 0)
    size = seconds.astype(np.float64).copy()
    groups = [[index] for index in range(len(units))]
    weight = size / (1 + size / SATURATION_SECONDS)
    costs = distances * (weight[:, None] * weight[None]) / (weight[:, None] + weight[None])
    np.fill_diagonal(costs, np.inf)
    left = len(groups)
    while left > max(least, 1):
        a, b = (int(index) for index in np.unravel_index(int(costs.argmin()), costs.shape))  # a < b: the first of two equals
        if costs[a, b] > cost and (most is None or left <= most):
            break
        share = size[a] / (size[a] + size[b])
        distances[a] = np.maximum(
            share * distances[a] + (1 - share) * distances[b] - share * (1 - share) * distances[a, b], 0
        )
        distances[:, a] = distances[a]
        distances[a, a] = 0
        size[a] += size[b]
        weight[a] = size[a] / (1 + size[a] / SATURATION_SECONDS)
        groups[a] += groups[b]
        groups[b] = []
        alone = np.array([not group for group in groups])
        costs[a] = np.where(alone, np.inf, distances[a] * (weight[a] * weight) / (weight[a] + weight))
        costs[a, a] = np.inf
        costs[:, a] = costs[a]
        costs[b] = costs[:, b] = np.inf
        left -= 1
    return [group for group in groups if group]


def _means(units: Vectors, seconds: Seconds, groups: Groups) -> Vectors:
    """Means of the groups, with length 1."""
    sums = np.stack([(units[group] * seconds[group, None]).sum(axis=0) for group in groups])
    means: Vectors = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return means


def _combined(
    groups: Groups, units: Vectors, seconds: Seconds, cost: float, least: int = 1, most: int | None = None
) -> Groups:
    """Groups of voices, merged as `merged` does."""
    sizes = np.array([seconds[group].sum() for group in groups])
    joined = merged(_means(units, seconds, groups), sizes, cost, least, most)
    return [[index for member in group for index in groups[member]] for group in joined]


def _persons(groups: Groups, units: Vectors, seconds: Seconds, least: int) -> Groups:
    """The groups that are persons: not too short, and no part or mixture of others that speak more. At least `least`."""
    total = float(seconds.sum())
    shortest = min(SPEAKER_SECONDS, total * SPEAKER_SHARE)
    left = sorted(groups, key=lambda group: (float(seconds[group].sum()), -min(group)))
    for group in list(left):
        if len(left) <= least:
            break
        own = _means(units, seconds, [group])[0]
        longer = _means(units, seconds, left[left.index(group) + 1 :]) if group is not left[-1] else np.zeros((0, len(own)))
        spoken = float(seconds[group].sum())
        is_rare = spoken < total * RARE_SHARE and bool((longer @ own > RARE_ALIKE).any())
        is_mixture = any(
            float((longer[a] + longer[b]) @ own) > MIXTURE * float(np.linalg.norm(longer[a] + longer[b]))
            for a in range(len(longer))
            for b in range(a)
        )
        if is_mixture or is_rare or spoken < shortest:
            left.remove(group)
    return left


def _thinned(units: Vectors, seconds: Seconds) -> Groups:
    """Groups of very similar voices, at most BLOCK."""
    groups = [[index] for index in range(len(units))]
    cost = COST * ALIKE
    while len(groups) > BLOCK:
        thinner: Groups = []
        for at in range(0, len(groups), BLOCK):
            thinner += _combined(groups[at : at + BLOCK], units, seconds, cost)
        if len(thinner) > len(groups) * 3 // 4:
            cost *= 2
        groups = thinner
    return groups


def speakers_of(voices: Sequence[Voice], least: int = 1, most: int | None = None) -> list[int]:
    """The speaker of each voice, from 0, in the order of their first voices.

    Args:
        voices: Voices of any number of chunks.
        least: Smallest number of speakers, if there are as many voices.
        most: Largest number of speakers; None: any number.
    """
    by_length: dict[int, list[int]] = {}  # voices of two models cannot be compared
    for index, voice in enumerate(voices):
        by_length.setdefault(len(voice.vector), []).append(index)
    label_of: dict[int, tuple[int, int]] = {}
    for length, indices in by_length.items():
        labels = _of_one_model([voices[index] for index in indices], least, most)
        label_of.update({index: (length, label) for index, label in zip(indices, labels, strict=True)})
    numbers: dict[tuple[int, int], int] = {}
    return [numbers.setdefault(label_of[index], len(numbers)) for index in range(len(voices))]


def _of_one_model(voices: Sequence[Voice], least: int, most: int | None) -> list[int]:
    """The group of each voice, in any order of groups. `voices`: at least one."""
    order = sorted(range(len(voices)), key=lambda index: (-voices[index].seconds, voices[index].vector))
    units = np.stack([unit_vector(voices[index].vector) for index in order])
    seconds = np.array([voices[index].seconds for index in order])
    groups = _combined(_thinned(units, seconds), units, seconds, COST, least)
    kept = _combined(_persons(groups, units, seconds, max(least, 1)), units, seconds, 0.0, 1, most)
    kept.sort(key=min)
    means = _means(units, seconds, kept)
    nearest = (units @ means.T).argmax(axis=1)
    for at, group in enumerate(kept):
        nearest[group] = at
    label_of = dict(zip(order, nearest.tolist(), strict=True))
    return [label_of[index] for index in range(len(voices))]
