"""Joins recordings of test/fixtures/speech and silence into one file: `make_speech.py FILE.webm PART...`.

A part is a file or a number of seconds of silence.
"""

from __future__ import annotations

import sys

import av
import numpy as np

RATE = 16_000


def samples(part: str) -> np.ndarray:
    """The audio of a part as int16 [n_samples], 16 kHz."""
    if part.isdigit():
        return np.zeros(int(part) * RATE, np.int16)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(part) as file:
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


def write(path: str, audio: np.ndarray) -> None:
    """Writes WebM with Opus, as browsers record it."""
    with av.open(path, "w", format="webm") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono")
        for begin in range(0, len(audio), RATE):
            frame = av.AudioFrame.from_ndarray(audio[None, begin : begin + RATE], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, begin
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


if __name__ == "__main__":
    write(sys.argv[1], np.concatenate([samples(part) for part in sys.argv[2:]]))
