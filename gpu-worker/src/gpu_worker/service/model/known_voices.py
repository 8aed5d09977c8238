"""Voices of the known speakers of a job, for its model process."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from gpu_worker.service.queue.known_speakers import KnownSpeaker
from gpu_worker.speech.engine.detector import speech_probabilities
from gpu_worker.speech.engine.speech import FRAME_SAMPLES
from gpu_worker.speech.media import SAMPLE_RATE, DecodeOptions, Decoder, MediaError
from gpu_worker.speech.speakers import SpeakerModel
from gpu_worker.speech.speakers.features import Audio
from gpu_worker.speech.speakers.known import Vectors, reference_vector

LENGTH_SECONDS: Final = (2.0, 10.0)
"""OpenAI's limits of a reference."""
TOLERANCE_SECONDS: Final = 0.2
"""Encoders add silence at the ends, or cut them."""
LEAST_SPEECH_SECONDS: Final = 1.0
SPEECH_PROBABILITY: Final = 0.5


class InvalidReference(Exception):
    """A reference cannot be used; the message is for the client."""


@dataclass(frozen=True)
class KnownVoices:
    """Known speakers."""

    names: tuple[str, ...]
    vectors: Vectors
    """Their voices, float64 [n_names, n_dimensions]."""


def _speech(decoder: Decoder, audio: bytes, name: str) -> Audio:
    """The speech of a reference, without pauses. Raises InvalidReference."""
    shortest_s, longest_s = LENGTH_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference"
        path.write_bytes(audio)
        try:
            decoded = decoder.decode(path, DecodeOptions(longest_s + TOLERANCE_SECONDS)).audio
        except MediaError as error:
            raise InvalidReference(f"{name} must be 2 to 10 s of audio: {error}") from error
    seconds = len(decoded) / SAMPLE_RATE
    if seconds < shortest_s - TOLERANCE_SECONDS:
        raise InvalidReference(f"{name} must be 2 to 10 s of audio, but is {seconds:.1f} s long")
    is_speech = np.repeat(speech_probabilities(decoded) >= SPEECH_PROBABILITY, FRAME_SAMPLES)[: len(decoded)]
    speech: Audio = decoded[is_speech]
    if len(speech) < LEAST_SPEECH_SECONDS * SAMPLE_RATE:
        raise InvalidReference(f"{name} contains too little speech")
    return speech


def known_voices(decoder: Decoder, model: SpeakerModel, known: Sequence[KnownSpeaker]) -> KnownVoices | None:
    """Voices of known speakers; None if there are none. Raises InvalidReference."""
    if not known:
        return None
    speech = [_speech(decoder, one.audio, f"known_speaker_references[{number}]") for number, one in enumerate(known)]
    return KnownVoices(tuple(one.name for one in known), np.stack([reference_vector(model, one) for one in speech]))
