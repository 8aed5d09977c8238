"""Who said what: the voices in a piece of audio, and the speaker of each word."""

from gpu_worker.speech.speakers.catalogue import (
    SpeakersUnavailable,
    find_speaker_model,
    published_files,
    speaker_catalogue,
)
from gpu_worker.speech.speakers.clustering import Voice, speakers_of
from gpu_worker.speech.speakers.diarization import Diarized, Limits, diarize, with_voices
from gpu_worker.speech.speakers.model import SpeakerModel

__all__ = [
    "Diarized",
    "Limits",
    "SpeakerModel",
    "SpeakersUnavailable",
    "Voice",
    "diarize",
    "find_speaker_model",
    "published_files",
    "speaker_catalogue",
    "speakers_of",
    "with_voices",
]
