"""Voices: one vector per segment, from a speaker-embedding model (optional; off by default).

The vectors are stored in results; core/transcripts/voices.ts groups them into speakers over the whole session. The model is
an ONNX file that takes Kaldi filter banks [1, n_frames, 80] and returns one vector, like those of WeSpeaker and 3D-Speaker.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Segment

MEL_BINS: Final = 80
INT16_SCALE: Final = 32_768
MIN_SPEECH_SECONDS: Final = 0.4
"""Shorter speech does not identify a voice; such a segment gets its neighbor's speaker."""


class SpeakersUnavailable(Exception):
    """The optional packages are missing, or the model cannot be used; the message states which."""


class SpeakerModel:
    """A loaded speaker-embedding model."""

    def __init__(self, path: str) -> None:
        try:
            import kaldi_native_fbank as knf
            import onnxruntime
        except ImportError as error:
            raise SpeakersUnavailable("speaker vectors require the packages of requirements-speakers.txt") from error
        options = knf.FbankOptions()
        options.frame_opts.dither = 0
        options.frame_opts.samp_freq = SAMPLE_RATE
        options.mel_opts.num_bins = MEL_BINS
        self._options, self._fbank = options, knf.OnlineFbank
        try:
            self._session = onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())
        except Exception as error:  # onnxruntime raises many types, none of them public
            raise SpeakersUnavailable(f"the speaker model cannot be loaded: {error}") from error
        self._input = self._session.get_inputs()[0].name

    def with_voices(self, audio: npt.NDArray[np.float32], segments: Sequence[Segment]) -> tuple[Segment, ...]:
        """Adds the vectors of their voices to the segments. `audio`: float32 [n_samples], 16 kHz."""
        return tuple(
            replace(segment, voice=self._vector(audio[int(segment.start * SAMPLE_RATE) : int(segment.end * SAMPLE_RATE)]))
            for segment in segments
        )

    def _vector(self, speech: npt.NDArray[np.float32]) -> str | None:
        if len(speech) < MIN_SPEECH_SECONDS * SAMPLE_RATE:
            return None
        vector = self._session.run(None, {self._input: self._features(speech)[None]})[0].reshape(-1)
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            return None
        return base64.b64encode(np.round(vector / np.abs(vector).max() * 127).astype(np.int8).tobytes()).decode()

    def _features(self, speech: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Mean-normalized filter banks, float32 [n_frames, 80]."""
        fbank = self._fbank(self._options)
        fbank.accept_waveform(SAMPLE_RATE, (speech * INT16_SCALE).tolist())
        fbank.input_finished()
        frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
        features: npt.NDArray[np.float32] = np.stack(frames).astype(np.float32)
        features -= features.mean(axis=0)
        return features
