"""The transcription engine. Only this package imports CTranslate2 and faster-whisper."""

from gpu_worker.speech.engine.clip import Clip, Transcription, most_spoken
from gpu_worker.speech.engine.engine import Engine, Engines, ModelNotLoaded
from gpu_worker.speech.engine.model import UnsupportedLanguage, choose_compute
from gpu_worker.speech.engine.voices import with_speakers
from gpu_worker.speech.options import Options

__all__ = [
    "Clip",
    "Engine",
    "Engines",
    "ModelNotLoaded",
    "Options",
    "Transcription",
    "UnsupportedLanguage",
    "choose_compute",
    "most_spoken",
    "with_speakers",
]
