"""Finds known speakers: compares the speakers of a file with short recordings of single people.

A reference's vector is the mean of windows of its speech, a speaker's that of the voices. Both are from the same model, and
are compared by cosine similarity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from gpu_worker.speech.speakers.clustering import Voice, unit_vector
from gpu_worker.speech.speakers.features import SAMPLE_RATE, Audio
from gpu_worker.speech.speakers.model import SpeakerModel

Vectors = npt.NDArray[np.float64]

LEAST_SIMILARITY: Final = 0.7
"""Chosen on the tuning voices of bench/diarization: 54, 56 and 56 of 56 speakers get their names, none a wrong one, by
references of 2, 5 and 10 s. Of the reported voices 61, 64 and 65 of 67, and 2 a wrong one. With CAM++."""
HOP_SECONDS: Final = 0.4
"""From one window of a reference to the next."""


def _unit(vectors: Vectors) -> Vectors:
    units: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return units


def reference_vector(model: SpeakerModel, speech: Audio) -> Vectors:
    """The voice of one person, length 1, float64 [n_dimensions]. `speech`: float32 [n_samples], 16 kHz, without pauses."""
    length_s, duration_s = model.features.seconds, len(speech) / SAMPLE_RATE
    starts = np.arange(0, max(duration_s - length_s, 0) + HOP_SECONDS / 2, HOP_SECONDS)
    vectors = model.vectors_at(speech, [(start, min(start + length_s, duration_s)) for start in starts])
    return _unit(_unit(vectors.astype(np.float64)).mean(axis=0))


def mean_voices(voices: Sequence[Voice], speakers: Sequence[int]) -> Vectors:
    """The voice of each speaker from 0, length 1, float64 [n_speakers, n_dimensions]. `speakers`: that of each voice."""
    weighted = np.stack([unit_vector(voice.vector) * voice.seconds for voice in voices])
    return _unit(np.stack([weighted[np.array(speakers) == speaker].sum(axis=0) for speaker in range(max(speakers) + 1)]))


def similarities_of(means: Vectors, references: Vectors) -> Vectors:
    """Cosine similarities, float64 [n_speakers, n_references]."""
    similarities: Vectors = means @ references.T
    return similarities


def known_speakers(voices: Sequence[Voice], speakers: Sequence[int], references: Vectors) -> dict[int, int]:
    """Which reference each speaker is, by index. The most similar pairs come first; no reference is used twice.

    Args:
        voices: Voices of a file.
        speakers: The speaker of each voice, from 0 without gaps.
        references: Vectors of the references, float64 [n_references, n_dimensions].
    """
    if not voices:
        return {}
    left = similarities_of(mean_voices(voices, speakers), references)
    found: dict[int, int] = {}
    while left.max() >= LEAST_SIMILARITY:
        speaker, reference = (int(index) for index in np.unravel_index(int(left.argmax()), left.shape))
        found[speaker] = reference
        left[speaker], left[:, reference] = -np.inf, -np.inf
    return found
