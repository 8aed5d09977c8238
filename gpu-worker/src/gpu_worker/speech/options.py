"""What a request may ask of the engine. Importing it does not load the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Options that a user requests."""

    language: str | None = None
    """ISO 639 code; None: English for English-only models, otherwise detected."""
    prompt: str | None = None
    """Text that the recording follows."""
    hotwords: str | None = None
    """Words to expect."""
    channels: str | None = None
    """`separate`: each channel is transcribed alone, and is a speaker. None: channels are mixed."""
    diarize: str | None = None
    """`true`: speakers are detected. None: they are not."""
    min_speakers: str | None = None
    max_speakers: str | None = None
    """Numbers of speakers in digits; None: any number."""

    @property
    def separate(self) -> bool:
        """Whether each channel is transcribed alone."""
        return self.channels == "separate"
