"""Finds where a microphone delivered no sound: a muted or dead one delivers exact zeros, a quiet one at least its noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from gpu_worker.speech.media.clock import Span
from gpu_worker.speech.media.mixing import SAMPLE_RATE, Samples

HIGHEST_ZERO: Final = 1
"""Loudest sample of int16 without a signal, -90 dB of full scale. Opus and AAC return 0 for zeros, Opus with discontinuous
transmission up to 1; noise with a peak of -75 dB is 4 to 5 after them."""
SHORTEST_SECONDS: Final = 5.0
SHORTEST_GAP: Final = SAMPLE_RATE
"""Silence that the decoder inserted for a shorter gap does not end a stretch: clocks of recorders vary."""
BLOCK: Final = SAMPLE_RATE // 100
"""Samples by which stretches are measured."""


def no_signal_in(samples: Samples, inserted: Sequence[tuple[int, int]]) -> list[Span]:
    """Stretches without a signal on any channel.

    Args:
        samples: int16 [n_samples] or [n_samples, n_channels], 16 kHz.
        inserted: Ranges of samples that the decoder inserted as silence.
    """
    sounding = (samples > HIGHEST_ZERO) | (samples < -HIGHEST_ZERO)
    if sounding.ndim == 2:
        sounding = np.logical_or.reduce(sounding, axis=1)
    for start, end in inserted:
        if end - start >= SHORTEST_GAP:
            sounding[start:end] = True
    blocks = np.pad(sounding, (0, -len(sounding) % BLOCK)).reshape(-1, BLOCK).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([True], blocks, [True]))))
    stretches = ((start * BLOCK, min(end * BLOCK, len(samples))) for start, end in edges.reshape(-1, 2).tolist())
    return [
        Span(start / SAMPLE_RATE, end / SAMPLE_RATE)
        for start, end in stretches
        if end - start >= SHORTEST_SECONDS * SAMPLE_RATE
    ]
