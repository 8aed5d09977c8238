"""Audio whose channels are transcribed separately: one clip per channel, and one transcription of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpu_worker.speech.engine.clip import Clip, Transcription, most_spoken
from gpu_worker.speech.segments import Segment


def clips_of(clip: Clip) -> list[Clip]:
    """A clip per channel; the clip itself if its audio has no separate channels."""
    return [clip] if clip.audio.ndim == 1 else [replace(clip, audio=channel) for channel in clip.audio]


def of_all_channels(channels: Sequence[Transcription]) -> Transcription:
    """The transcriptions of all channels of one clip as one, in order of time; each segment has its channel's number."""
    segments = sorted(
        (replace(segment, channel=number) for number, channel in enumerate(channels, 1) for segment in channel.segments),
        key=_start,
    )
    confident = (channel.confident_language for channel in channels if channel.confident_language is not None)
    return Transcription(
        language=most_spoken(segments),
        duration_seconds=channels[0].duration_seconds,
        segments=tuple(segments),
        unheard=tuple(sorted(span for channel in channels for span in channel.unheard)),
        lead_in=tuple(
            sorted(
                (replace(word, channel=number) for number, channel in enumerate(channels, 1) for word in channel.lead_in),
                key=lambda word: word.start,
            )
        ),
        confident_language=next(confident, None),
    )


def _start(segment: Segment) -> float:
    return segment.start
