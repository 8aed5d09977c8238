"""The transcription engine. Only this package imports CTranslate2 and faster-whisper."""

from gpu_worker.engine.clip import Clip, Options, Transcription, most_spoken
from gpu_worker.engine.engine import Engine, Engines, ModelNotLoaded
from gpu_worker.engine.model import UnsupportedLanguage, choose_compute

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
]
