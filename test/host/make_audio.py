"""Writes a file that repeats the sample recording: `make_audio.py FILE SECONDS`; the extension selects the format.

A few samples of noise at the beginning make the content unique.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import av
import numpy as np

RATE = 16_000
SAMPLE = Path(__file__).parents[1] / "fixtures" / "protocol.en" / "samples" / "sample-125s.webm"
CODECS = {"wav": ("wav", "pcm_s16le"), "mp3": ("mp3", "libmp3lame"), "flac": ("flac", "flac"), "webm": ("webm", "libopus")}


def sample() -> np.ndarray:
    """The recording as int16 [n_samples]."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(SAMPLE)) as file:
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.int16)


def write(path: Path, seconds: float) -> None:
    """Writes the file."""
    speech = sample()
    container, codec = CODECS[path.suffix[1:]]
    left, at = int(seconds * RATE), 0
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=RATE, layout="mono")
        while left > 0:
            block = speech[:left].copy()
            if at == 0:
                block[:16] = np.frombuffer(secrets.token_bytes(16), dtype=np.int8)
            for begin in range(0, len(block), 10 * RATE):
                part = np.ascontiguousarray(block[begin : begin + 10 * RATE])
                frame = av.AudioFrame.from_ndarray(part[None, :], format="s16", layout="mono")
                frame.sample_rate, frame.pts = RATE, at
                at += len(part)
                file.mux(stream.encode(frame))
            left -= len(block)
        file.mux(stream.encode(None))


if __name__ == "__main__":
    write(Path(sys.argv[1]), float(sys.argv[2]))
