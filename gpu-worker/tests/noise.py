"""Recordings of noise that never repeats, so that a lost or doubled packet is detected."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np


def record_noise(
    path: Path, container: str, codec: str, options: dict[str, str], seconds: int, random: np.random.Generator
) -> bytes:
    """Writes a recording; returns its bytes."""
    rate = 48_000 if codec == "libopus" else 44_100
    sound = av.AudioFrame.from_ndarray(random.integers(-9000, 9000, (1, rate * seconds)).astype(np.int16), "s16", "mono")
    sound.sample_rate = rate
    with av.open(str(path), "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(stream.format.name, "mono", rate, stream.codec_context.frame_size or 960)
        for frame in [*resampler.resample(sound), *resampler.resample(None)]:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path.read_bytes()
