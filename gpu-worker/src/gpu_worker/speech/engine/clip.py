"""Input and output of the engine: clips with options, and transcriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gpu_worker.speech.engine.speech import Audio
from gpu_worker.speech.joining.spacing import join_texts
from gpu_worker.speech.options import Options
from gpu_worker.speech.segments import Segment, Word
from gpu_worker.speech.speakers import Voice

UNDETERMINED: Final = "und"
"""Language of silence (ISO 639-2)."""


@dataclass(frozen=True)
class Clip:
    """Audio to transcribe."""

    audio: Audio
    """float32 [n_samples] or, with separate channels, [n_channels, n_samples]; 16 kHz, -1 to 1."""
    options: Options = Options()
    lead_in_s: float = 0.0
    """Seconds at the start of the audio that precede the clip. They make words at the cut whole."""
    likely_language: str | None = None
    """Language to prefer where detection is unsure."""


@dataclass(frozen=True)
class Transcription:
    """Transcription of one clip. Without speech it has no segments."""

    language: str
    """Language of most words; `und` without words."""
    duration_seconds: float
    """Duration without the lead-in."""
    segments: tuple[Segment, ...]
    unheard: tuple[tuple[float, float], ...] = ()
    """Stretches of speech in which no word was recognized, in seconds."""
    lead_in: tuple[Word, ...] = ()
    """Words of the lead-in, with negative times."""
    confident_language: str | None = None
    """First language that was detected with confidence; None if there is none."""
    lead_in_s: float = 0.0
    """Of a stored result: seconds of the lead-in that it was decoded with."""
    damaged: tuple[tuple[float, float], ...] = ()
    """Stretches that could not be decoded, in seconds."""
    speakers: tuple[Voice, ...] = ()
    """Voices of the words, if speakers were requested."""
    no_signal: tuple[tuple[float, float], ...] = ()
    """Stretches in which the microphone delivered no sound, in seconds."""

    @property
    def text(self) -> str:
        """Text of all segments, joined."""
        return join_texts(segment.text for segment in self.segments)


def most_spoken(segments: Sequence[Segment]) -> str:
    """Language of most words; `und` without words."""
    count: dict[str, int] = {}
    for segment in segments:
        language = segment.language or UNDETERMINED
        count[language] = count.get(language, 0) + len(segment.words)
    return max(count, key=lambda language: count[language]) if count else UNDETERMINED
