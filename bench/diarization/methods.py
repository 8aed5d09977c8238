"""Ways to label the words of a conversation: the whole audio, chunks of 30 s, and the peer with its own model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from gpu_worker.speech.speakers import Limits, SpeakerModel, Voice, diarize, speakers_of
from gpu_worker.speech.speakers.features import Features, features_of
from quality.corpora import SAMPLE_RATE

from diarization.conversations import Conversation

CHUNK_S: Final = 30.0
PEER_HOP: Final = 40
"""Frames of 10 ms between the peer's windows."""
PEER_FRAMES: Final = 160
Method = Callable[[SpeakerModel, Conversation], list[int]]


def whole(model: SpeakerModel, conversation: Conversation, limits: Limits | None = None) -> list[int]:
    """All audio at once."""
    limits = limits or Limits()
    found = diarize(model, conversation.audio, conversation.words, limits)
    speakers = speakers_of(found.voices, limits.least, limits.most)
    return [speakers[label or 0] for label in found.labels]


def known_count(model: SpeakerModel, conversation: Conversation) -> list[int]:
    """All audio at once; the number of speakers is given."""
    count = len(set(conversation.speakers))
    return whole(model, conversation, Limits(count, count))


def chunks(model: SpeakerModel, conversation: Conversation) -> list[int]:
    """Chunk by chunk, as a recording arrives; the voices are joined at the end."""
    voices: list[Voice] = []
    numbers = []
    words = conversation.words
    for start_s in np.arange(0, conversation.seconds, CHUNK_S):
        own = [word for word in words if start_s <= word.start < start_s + CHUNK_S]
        audio = conversation.audio[round(start_s * SAMPLE_RATE) : round((start_s + CHUNK_S) * SAMPLE_RATE)]
        moved = [word.__class__(word.word, word.start - start_s, word.end - start_s, word.probability) for word in own]
        found = diarize(model, audio, moved)
        numbers += [len(voices) + (label or 0) for label in found.labels]
        voices += found.voices
    speakers = speakers_of(voices)
    return [speakers[number] for number in numbers]


@cache
def _ge2e() -> SpeakerModel:
    return SpeakerModel.load("ge2e")


def spectral(_model: SpeakerModel, conversation: Conversation) -> list[int]:
    """Resemblyzer's partial utterances and Google's spectralcluster, on the speech that the words mark."""
    from spectralcluster import RefinementOptions, SpectralClusterer, configs

    spans = [(round(word.start * SAMPLE_RATE), round(word.end * SAMPLE_RATE)) for word in conversation.words]
    speech = np.concatenate([conversation.audio[start:end] for start, end in spans])
    mel = features_of(speech, Features(kind="mel", bands=40, normalize="none", level_db=-30))
    at = range(0, max(1, len(mel) - PEER_FRAMES), PEER_HOP)
    vectors = _ge2e().run(np.stack([np.resize(mel[first : first + PEER_FRAMES], (PEER_FRAMES, 40)) for first in at]))
    refinement = RefinementOptions(
        gaussian_blur_sigma=1,
        p_percentile=0.9,
        thresholding_soft_multiplier=0.01,
        refinement_sequence=configs.icassp2018_refinement_options.refinement_sequence,
    )
    clusterer = SpectralClusterer(min_clusters=2, max_clusters=7, refinement_options=refinement)
    labels = clusterer.predict(vectors)
    ends = np.cumsum([end - start for start, end in spans])
    middles = ends - np.array([end - start for start, end in spans]) / 2
    nearest = np.round((middles / SAMPLE_RATE * 100 - PEER_FRAMES / 2) / PEER_HOP).astype(int)
    return [int(label) for label in labels[nearest.clip(0, len(labels) - 1)]]


METHODS: Final[dict[str, Method]] = {
    "whole": whole,
    "30 s chunks": chunks,
    "whole, number of speakers given": known_count,
    "peer: GE2E and spectralcluster": spectral,
}
