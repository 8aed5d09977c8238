"""Gives the words of a transcription their speakers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gpu_worker.speech.engine.clip import Transcription
from gpu_worker.speech.engine.speech import Audio
from gpu_worker.speech.speakers import Limits, SpeakerModel, with_voices


def with_speakers(
    model: SpeakerModel,
    audio: Audio,
    transcription: Transcription,
    limits: Limits | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Transcription:
    """The transcription with its voices, and with the voice of each word.

    Args:
        model: A loaded speaker model.
        audio: float32 [n_samples], 16 kHz, without the lead-in.
        transcription: Of this audio.
        limits: Numbers of speakers of the whole recording, if they are known.
        on_step: Called often enough to renew a lease.
    """
    segments, voices = with_voices(model, audio, transcription.segments, limits, on_step)
    return replace(transcription, segments=segments, speakers=voices)
