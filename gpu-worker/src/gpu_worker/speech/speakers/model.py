"""A loaded speaker-embedding model: vectors of windows of speech."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from gpu_worker.speech.speakers.catalogue import DESCRIPTION, SpeakersUnavailable, find_speaker_model, speaker_catalogue
from gpu_worker.speech.speakers.features import SAMPLE_RATE, Audio, Features, features_of

BATCH: Final = 64
"""Windows per run of the model."""


class SpeakerModel:
    """A speaker-embedding model in ONNX's format."""

    def __init__(self, file: Path, features: Features) -> None:
        """Loads a model. Raises SpeakersUnavailable."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=onnxruntime.get_available_providers())
        except Exception as error:  # onnxruntime raises many types, none of them public
            raise SpeakersUnavailable(f"the speaker model cannot be loaded: {error}") from error
        self.features = features
        self._input, *others = (one.name for one in self._session.get_inputs())
        self._lengths = others[0] if others else None
        self._output = features.output or self._session.get_outputs()[0].name

    @classmethod
    def load(cls, given: str) -> SpeakerModel:
        """Loads a model of the catalogue (downloaded if necessary), a folder, or an ONNX file.

        A folder contains one ONNX file, and may contain speakers.json with the fields of Features. Without it, the model
        takes Kaldi's filter banks, like those of WeSpeaker and 3D-Speaker.

        Raises:
            SpeakersUnavailable: The model is not found, damaged, or cannot be loaded.
        """
        path = Path(given).expanduser()
        if given in speaker_catalogue().models or not path.exists():
            found = find_speaker_model(given)
            return cls(found.file, found.features)
        if path.is_file():
            return cls(path, Features())
        files = sorted(path.glob("*.onnx"))
        if len(files) != 1:
            raise SpeakersUnavailable(f"{path} must contain one .onnx file, not {len(files)}")
        description = path / DESCRIPTION
        try:
            features = Features.model_validate_json(description.read_text()) if description.is_file() else Features()
        except (OSError, ValidationError) as error:
            raise SpeakersUnavailable(f"{description} is not a description of features: {error}") from error
        return cls(files[0], features)

    def vectors(self, windows: Sequence[Audio]) -> npt.NDArray[np.float32]:
        """Vectors of windows, float32 [n_windows, n_dimensions].

        Shorter windows are repeated to the model's length: that identifies a voice better than silence or a short input.

        Args:
            windows: float32 [n_samples], 16 kHz, not empty.
        """
        length = round(self.features.seconds * SAMPLE_RATE)
        found = []
        for at in range(0, len(windows), BATCH):
            audio = [np.tile(one, -(-length // len(one)))[:length] for one in windows[at : at + BATCH]]
            batch = np.stack([features_of(one, self.features) for one in audio])
            found.append(self.run(batch))
        vectors = np.nan_to_num(np.concatenate(found), posinf=0.0, neginf=0.0)
        if self.features.scale == 1:
            return vectors
        # A constant component brings unit vectors closer together, so that all models have the distances of GE2E.
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-6))
        return np.pad(vectors, ((0, 0), (0, 1)), constant_values=np.sqrt(self.features.scale - 1))

    def run(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The model's own vectors, float32 [n_windows, n_dimensions]. `features`: float32 [n_windows, n_frames, n_bands]."""
        is_turned = self.features.layout == "bands_frames"
        inputs = {self._input: features.transpose(0, 2, 1) if is_turned else features}
        if self._lengths is not None:
            inputs[self._lengths] = np.full(len(features), features.shape[1], np.int64)
        vectors: npt.NDArray[np.float32] = np.asarray(self._session.run([self._output], inputs)[0], np.float32)
        return vectors.reshape(len(features), -1)
