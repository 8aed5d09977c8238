"""Voices: one vector per segment, by a speaker-embedding model that the stage names (an optional extra, off by default).

The vectors go with the result; who is who is found over the whole session (core/transcripts/voices.ts). The model is an
ONNX file that takes Kaldi filter banks [1, n_frames, 80] and gives one vector, as WeSpeaker's and 3D-Speaker's do.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from botocore.exceptions import BotoCoreError, ClientError

from gpu_worker.media import SAMPLE_RATE
from gpu_worker.objects import Objects
from gpu_worker.segments import Segment

MEL_BINS: Final = 80
INT16_SCALE: Final = 32_768
LEAST_SECONDS: Final = 0.4
"""Shorter speech says little of a voice; such a segment is its neighbour's."""
MODEL_FOLDER: Final = "models/"
"""Where the model is in the stage's bucket."""


class SpeakersUnavailable(Exception):
    """The packages of the extra are missing, or the model cannot be used; the message says which."""


class SpeakerModel:
    """One loaded model."""

    def __init__(self, path: str) -> None:
        try:
            import kaldi_native_fbank as knf
            import onnxruntime
        except ImportError as error:
            raise SpeakersUnavailable("speakers need the packages of requirements-speakers.txt") from error
        options = knf.FbankOptions()
        options.frame_opts.dither = 0
        options.frame_opts.samp_freq = SAMPLE_RATE
        options.mel_opts.num_bins = MEL_BINS
        self._options, self._fbank = options, knf.OnlineFbank
        try:
            self._session = onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())
        except Exception as error:  # onnxruntime has many kinds, none public
            raise SpeakersUnavailable(f"the speaker model cannot be loaded: {error}") from error
        self._input = self._session.get_inputs()[0].name

    def mark(self, audio: npt.NDArray[np.float32], segments: Sequence[Segment]) -> tuple[Segment, ...]:
        """Segments with the vectors of their voices; `audio` is float32 [n_samples] at 16 kHz."""
        return tuple(
            replace(segment, voice=self._vector(audio[int(segment.start * SAMPLE_RATE) : int(segment.end * SAMPLE_RATE)]))
            for segment in segments
        )

    def _vector(self, speech: npt.NDArray[np.float32]) -> str | None:
        if len(speech) < LEAST_SECONDS * SAMPLE_RATE:
            return None
        vector = self._session.run(None, {self._input: self._features(speech)[None]})[0].reshape(-1)
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            return None
        return base64.b64encode(np.round(vector / np.abs(vector).max() * 127).astype(np.int8).tobytes()).decode()

    def _features(self, speech: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Filter banks float32 [n_frames, 80], without their mean."""
        fbank: Any = self._fbank(self._options)
        fbank.accept_waveform(SAMPLE_RATE, (speech * INT16_SCALE).tolist())
        fbank.input_finished()
        frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
        features: npt.NDArray[np.float32] = np.stack(frames).astype(np.float32)
        features -= features.mean(axis=0)
        return features


def speaker_model(name: str, objects: Objects) -> SpeakerModel | None:
    """The model that the settings name: a file here, or an object below models/ in the bucket; None without a name.

    Raises:
        SpeakersUnavailable: it is named and cannot be had.
    """
    if not name:
        return None
    if Path(name).is_file():
        return SpeakerModel(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speakers.onnx"
        try:
            objects.download(MODEL_FOLDER + name, path)
        except (ClientError, BotoCoreError) as error:
            raise SpeakersUnavailable(f"there is no speaker model {MODEL_FOLDER}{name}: {error}") from error
        return SpeakerModel(str(path))
