"""A loaded speaker-embedding model: vectors of windows of speech.

Most models take windows. One with an input `spans` takes a piece of audio and the windows in it, and computes only once what
overlapping windows share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from gpu_worker.speech.speakers.catalogue import DESCRIPTION, SpeakersUnavailable, find_speaker_model, speaker_catalogue
from gpu_worker.speech.speakers.features import SAMPLE_RATE, Audio, Features, features_of

BATCH: Final = 64
"""Windows per run of a model that takes windows."""
SPANS: Final = "spans"
PIECE_SECONDS: Final = 30.0
"""Audio per run of a model that takes spans."""
MARGIN_SECONDS: Final = 2.0
"""Audio before and after a piece, for the windows at its ends and their context."""
SHORTEST_SECONDS: Final = 0.1
Span = tuple[float, float]
"""Start and end in seconds."""


def _cut(audio: Audio, spans: Sequence[Span]) -> list[Audio]:
    shortest = round(SHORTEST_SECONDS * SAMPLE_RATE)
    cut = []
    for start_s, end_s in spans:
        start = max(0, min(int(start_s * SAMPLE_RATE), len(audio) - shortest))
        cut.append(audio[start : max(int(end_s * SAMPLE_RATE), start + shortest)])
    return cut


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
        self._takes_spans = others == [SPANS]
        self._lengths = others[0] if others and not self._takes_spans else None
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

    def vectors_at(
        self, audio: Audio, spans: Sequence[Span], on_step: Callable[[], None] = lambda: None
    ) -> npt.NDArray[np.float16]:
        """Vectors of windows of audio, float16 [n_spans, n_dimensions].

        Args:
            audio: float32 [n_samples], 16 kHz, at least SHORTEST_SECONDS long.
            spans: The windows, not empty, each at most a few seconds long.
            on_step: Called before each run of the model.
        """
        runs: dict[int, list[int]] = {}
        for index, (start_s, end_s) in enumerate(spans):
            run = int((start_s + end_s) / 2 / PIECE_SECONDS) if self._takes_spans else index // BATCH
            runs.setdefault(run, []).append(index)
        found = []
        for run, indices in runs.items():
            on_step()
            own = [spans[index] for index in indices]
            made = self._of_piece(audio, run * PIECE_SECONDS, own) if self._takes_spans else self.vectors(_cut(audio, own))
            found.append(made.astype(np.float16))
        vectors = np.empty((len(spans), found[0].shape[1]), np.float16)
        vectors[[index for indices in runs.values() for index in indices]] = np.concatenate(found)
        return vectors

    def _of_piece(self, audio: Audio, start_s: float, spans: Sequence[Span]) -> npt.NDArray[np.float32]:
        """Vectors of windows with their middles in the piece that starts at `start_s`."""
        rate = 1000 // self.features.hop_ms
        first = max(0, min(round((start_s - MARGIN_SECONDS) * rate), len(audio) * rate // SAMPLE_RATE - rate))
        end_s = start_s + PIECE_SECONDS + MARGIN_SECONDS
        features = features_of(audio[first * SAMPLE_RATE // rate : round(end_s * SAMPLE_RATE)], self.features)
        shortest = round(SHORTEST_SECONDS * rate)
        count = max(len(features), shortest)
        starts = np.clip([round(start * rate) - first for start, _ in spans], 0, count - shortest)
        ends = np.clip([round(end * rate) - first for _, end in spans], starts + shortest, count)
        whole_seconds = np.pad(features, ((0, -len(features) % rate), (0, 0)))
        return self._scaled(self.run(whole_seconds[None], np.stack([starts, ends], axis=1)))

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
        return self._scaled(np.concatenate(found))

    def _scaled(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        vectors = np.nan_to_num(vectors, posinf=0.0, neginf=0.0)
        if self.features.scale == 1:
            return vectors
        # A constant component brings unit vectors closer together, so that all models have the distances of GE2E.
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-6))
        return np.pad(vectors, ((0, 0), (0, 1)), constant_values=np.sqrt(self.features.scale - 1))

    def run(self, features: npt.NDArray[np.float32], spans: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float32]:
        """The model's own vectors, float32 [n_windows, n_dimensions].

        Args:
            features: float32 [n_windows, n_frames, n_bands]; with spans [1, n_frames, n_bands].
            spans: Start and end of each window in frames, int64 [n_windows, 2], of a model that takes them.
        """
        turned = features.transpose(0, 2, 1) if self.features.layout == "bands_frames" else features
        inputs: dict[str, npt.NDArray[np.generic]] = {self._input: turned}
        if spans is not None:
            inputs[SPANS] = spans
        if self._lengths is not None:
            inputs[self._lengths] = np.full(len(features), features.shape[1], np.int64)
        vectors: npt.NDArray[np.float32] = np.asarray(self._session.run([self._output], inputs)[0], np.float32)
        return vectors.reshape(len(vectors), -1)
