"""Silero's speech detector from faster-whisper, run in steps: a single run needs 400 KB of memory per second of audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from faster_whisper.vad import get_vad_model

from gpu_worker.speech.engine.speech import FRAME_SAMPLES, Audio, Probabilities

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

STEP_FRAMES: Final = 500
"""Frames of 32 ms per step."""
SILENT_PEAK: Final = 0.001
"""Audio with a lower peak (-60 dB of full scale) contains no speech."""


class SteppedSession:
    """Wraps the ONNX session to run long audio in steps. The state is passed on, so the result is the same."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session

    def run(self, names: None, inputs: dict[str, npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        """Like the session's own `run`. `input`: float32 [n_frames, n_samples]."""
        h, c = inputs["h"], inputs["c"]
        found = []
        for at in range(0, len(inputs["input"]), STEP_FRAMES):
            part, h, c = self._session.run(names, {"input": inputs["input"][at : at + STEP_FRAMES], "h": h, "c": c})
            found.append(part)
        return [np.concatenate(found), h, c]


def speech_probabilities(audio: Audio) -> Probabilities:
    """Speech probability of each 32 ms, float32 [n_frames]. `audio`: float32 [n_samples], 16 kHz."""
    if len(audio) == 0 or float(np.abs(audio).max()) < SILENT_PEAK:
        return np.zeros(-(-len(audio) // FRAME_SAMPLES), dtype=np.float32)
    detector = get_vad_model()  # loaded once per process
    if not isinstance(detector.session, SteppedSession):
        detector.session = SteppedSession(detector.session)
    found: Probabilities = detector(np.pad(audio, (0, -len(audio) % FRAME_SAMPLES))).reshape(-1)
    return found
