"""Mel power as faster-whisper reckons it, before logarithm and normalisation: powers of sounds that overlap add up."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft

from demo_model.espeak import SAMPLE_RATE

MELS: Final = 80
HOP: Final = 160
FFT: Final = 400
FRAMES_PER_SECOND: Final = SAMPLE_RATE // HOP


def _filters() -> npt.NDArray[np.float32]:
    """Slaney's mel filters, float32 [n_mels, n_frequencies]."""
    frequencies = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
    mels = np.linspace(0, 45.245640471924965, MELS + 2)
    centres = np.where(mels >= 15, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)), 200 / 3 * mels)
    widths = np.diff(centres)
    slopes = centres[:, None] - frequencies[None]
    weights = np.maximum(0, np.minimum(-slopes[:-2] / widths[:-1, None], slopes[2:] / widths[1:, None]))
    return np.asarray(weights * (2 / (centres[2:] - centres[:-2]))[:, None], np.float32)


_FILTERS: Final = _filters()
_WINDOW: Final = np.hanning(FFT + 1)[:-1].astype(np.float32)


def mel_power(audio: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mel power of sound: float32 [n_samples] at 16 kHz -> float32 [n_samples // 160, 80]."""
    padded = np.pad(np.pad(audio, (0, HOP)), FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    spectrum = scipy.fft.rfft(frames * _WINDOW, axis=-1)[:-1]
    return np.asarray((spectrum.real**2 + spectrum.imag**2) @ _FILTERS.T, np.float32)
