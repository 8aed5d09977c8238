"""Gives the words of a transcription their speakers."""

from __future__ import annotations

from dataclasses import replace

from gpu_worker.speech.engine.clip import Transcription
from gpu_worker.speech.engine.speech import Audio
from gpu_worker.speech.speakers import Limits, SpeakerModel, diarize


def with_speakers(
    model: SpeakerModel, audio: Audio, transcription: Transcription, limits: Limits | None = None
) -> Transcription:
    """The transcription with its voices, and with the voice of each word.

    Args:
        model: A loaded speaker model.
        audio: float32 [n_samples], 16 kHz, without the lead-in.
        transcription: Of this audio.
        limits: Numbers of speakers, if they are known.
    """
    words = [word for segment in transcription.segments for word in segment.words]
    found = diarize(model, audio, words, limits)
    marked = iter(
        replace(word, speaker=speaker, overlapped=overlapped)
        for word, speaker, overlapped in zip(words, found.labels, found.overlapped, strict=True)
    )
    segments = tuple(
        replace(segment, words=tuple(next(marked) for _ in segment.words)) for segment in transcription.segments
    )
    return replace(transcription, segments=segments, speakers=found.voices)
