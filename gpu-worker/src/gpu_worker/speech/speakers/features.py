"""Features of speech as the published speaker models were trained on: librosa's mel spectrogram, or Kaldi's filter banks."""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Audio = npt.NDArray[np.float32]

SAMPLE_RATE: Final = 16_000
INT16_SCALE: Final = 32_768
PREEMPHASIS: Final = 0.97
MOVING_SECONDS: Final = 3.0
LOWEST_HZ: Final = 20.0
"""Lower edge of Kaldi's first filter."""


class Features(BaseModel):
    """What a model takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["mel", "log_mel", "fbank"] = "fbank"
    """`mel`: power in librosa's (Slaney's) bands; `log_mel`: its logarithm; `fbank`: Kaldi's, without dither."""
    bands: int = 80
    sample_rate: Literal[16000] = SAMPLE_RATE
    window_ms: int = 25
    hop_ms: int = 10
    normalize: Literal["none", "mean", "mean_and_deviation", "moving_mean"] = "mean"
    """What is removed from each band over a window; `moving_mean`: over the MOVING_SECONDS around each frame."""
    level_db: float | None = None
    """Level to which a window's audio is brought, of full scale; None: it stays as it is."""
    layout: Literal["frames_bands", "bands_frames"] = "frames_bands"
    output: str | None = None
    """Name of the model's output with the vectors; None: the first."""
    dimension: int | None = None
    """Length of the vectors; None: not known."""
    scale: float = 3.0
    """How much further apart voices are than those of GE2E, in squared distances of unit vectors. The default is usual for
    models that were trained with a margin, such as WeSpeaker's."""
    seconds: float = 1.6
    """Length of the windows of audio that are compared."""


def _slaney_mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4))


def _slaney_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))


def _kaldi_mel(hz: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    return 1127 * np.log(1 + hz.astype(np.float64) / 700)


@cache
def _slaney_filters(bands: int, samples: int) -> Audio:
    """librosa.filters.mel, float32 [n_bins, n_bands]."""
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)[:, None]
    edges = _slaney_hz(np.linspace(0, float(_slaney_mel(np.array(SAMPLE_RATE / 2))), bands + 2))
    rising = (hz - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hz) / np.diff(edges)[1:]
    filters: Audio = (np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])).astype(np.float32)
    return filters


@cache
def _kaldi_filters(bands: int, samples: int) -> Audio:
    """Kaldi's triangles on its mel scale, float32 [n_bins, n_bands]."""
    mel = _kaldi_mel(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE))[:, None]
    low, high = _kaldi_mel(np.array([LOWEST_HZ, SAMPLE_RATE / 2]))
    edges = np.linspace(low, high, bands + 2)
    filters: Audio = np.maximum(0, np.minimum(mel - edges[:-2], edges[2:] - mel) / np.diff(edges)[0]).astype(np.float32)
    filters[-1] = 0  # Kaldi leaves out the last bin
    return filters


def _frames(audio: Audio, samples: int, hop: int) -> Audio:
    frames: Audio = np.lib.stride_tricks.sliding_window_view(audio, samples)[::hop]
    return frames


def _mel(audio: Audio, samples: int, hop: int, bands: int) -> Audio:
    """librosa.feature.melspectrogram, float32 [n_frames, n_bands]."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / samples)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(_frames(np.pad(audio, samples // 2), samples, hop) * window)) ** 2
    found: Audio = spectrum.astype(np.float32) @ _slaney_filters(bands, samples)
    return found


def _fbank(audio: Audio, samples: int, hop: int, bands: int) -> Audio:
    """Kaldi's filter banks of audio scaled to 16 bits, float32 [n_frames, n_bands]."""
    frames = _frames(audio * INT16_SCALE, samples, hop)
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - PREEMPHASIS * np.concatenate((frames[:, :1], frames[:, :-1]), axis=1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / (samples - 1))) ** 0.85
    length = 1 << (samples - 1).bit_length()
    power = np.abs(np.fft.rfft(frames * window, length)) ** 2
    found: Audio = np.log(np.maximum(power.astype(np.float32) @ _kaldi_filters(bands, length), np.finfo(np.float32).eps))
    return found


def _without_moving_mean(found: Audio, frames: int) -> Audio:
    """Features minus their mean over the `frames` around each frame; fewer at the ends."""
    sums = np.cumsum(np.pad(found.astype(np.float64), ((1, 0), (0, 0))), axis=0)
    at = np.arange(len(found))
    first, end = np.maximum(at - frames // 2, 0), np.minimum(at + frames // 2 + 1, len(found))
    moved: Audio = (found - (sums[end] - sums[first]) / (end - first)[:, None]).astype(np.float32)
    return moved


def features_of(audio: Audio, features: Features) -> Audio:
    """Features of one window, float32 [n_frames, n_bands]. `audio`: float32 [n_samples], 16 kHz, at least one frame long."""
    samples, hop = (SAMPLE_RATE * ms // 1000 for ms in (features.window_ms, features.hop_ms))
    if features.level_db is not None:
        audio = audio * np.float32(10 ** (features.level_db / 20) / max(float(np.sqrt(np.mean(audio**2))), 1e-6))
    if features.kind == "fbank":
        found = _fbank(audio, samples, hop, features.bands)
    else:
        found = _mel(audio, samples, hop, features.bands)[: len(audio) // hop]
        if features.kind == "log_mel":
            found = np.log(found + np.float32(2**-24))
    if features.normalize == "moving_mean":
        return _without_moving_mean(found, round(1000 * MOVING_SECONDS) // features.hop_ms)
    if features.normalize != "none":
        found = found - found.mean(axis=0)
    if features.normalize == "mean_and_deviation":
        found = found / (found.std(axis=0) + 1e-5)
    return found.astype(np.float32)
