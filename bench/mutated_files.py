"""Decodes randomly damaged media files, as the worker decodes chunks: `npm run proof -- mutated-files`.

Each file must be either decoded or refused with a MediaError. If the decoder's child process crashes, or hangs for HANG_SECONDS,
it is restarted, the restart is counted, and the next file must decode.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from gpu_worker.speech.media import SAMPLE_RATE, DecodeOptions, Decoder, MediaError

HANG_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 60.0
"""Longest audio that is decoded from one file."""
OPTIONS: Final = DecodeOptions(LONGEST_SECONDS)
SECONDS: Final = 3.0
"""Length of the files before they are damaged."""
KINDS: Final = (
    ("webm", "libopus", 48_000),
    ("ogg", "libopus", 48_000),
    ("wav", "pcm_s16le", 16_000),
    ("flac", "flac", 44_100),
    ("mp3", "libmp3lame", 44_100),
    ("mp4", "aac", 44_100),
    ("adts", "aac", 44_100),
    ("mpegts", "aac", 44_100),
    ("mpeg", "mp2", 44_100),
    ("avi", "libmp3lame", 44_100),
    ("asf", "libmp3lame", 44_100),
    ("flv", "libmp3lame", 44_100),
    ("caf", "alac", 44_100),
    ("aiff", "pcm_s16be", 16_000),
    ("amr", "libopencore_amrnb", 8_000),
    ("wv", "wavpack", 44_100),
    ("ac3", "ac3", 48_000),
    ("au", "pcm_mulaw", 8_000),
)


@dataclass
class Figures:
    """Numbers of files by outcome."""

    kinds: int = len(KINDS)
    files: int = 0
    decoded: int = 0
    refused: int = 0
    restarts: int = 0
    """Files on which the decoder's process ended or hung; included in `refused`."""
    longest_s: float = 0.0


def write_audio(path: Path, seconds: float, container: str = "webm", codec: str = "libopus", rate: int = 48_000) -> Path:
    """Writes a 440 Hz tone into a file of this kind and returns its path."""
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.int16)
    whole = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
    whole.sample_rate = rate
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.format.name, "mono", rate, stream.codec_context.frame_size or 960)
        for frame in [*resampler.resample(whole), *resampler.resample(None)]:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 64)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _fill(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    length = min(rng.randint(1, 4096), len(data) - start)
    data[start : start + length] = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))


def _cut_off(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(1, len(data)) :]


def _remove(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(12, len(data))
    del data[start : start + rng.randint(1, 4096)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    block = data[start : start + rng.randint(1, 4096)]
    data[start:start] = block * rng.randint(1, 8)


def _overwrite_header(data: bytearray, rng: random.Random) -> None:
    """Overwrites four of the first bytes of a file, which contain sizes, counts, rates and durations."""
    at = rng.randrange(4, min(len(data), 512) - 4)
    data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), rng.randbytes(4)))


DAMAGES: Final[tuple[Callable[[bytearray, random.Random], None], ...]] = (
    _flip_bits,
    _fill,
    _cut_off,
    _remove,
    _repeat,
    _overwrite_header,
)


def run(count: int, seed: int, folder: Path) -> Figures:
    """Decodes `count` damaged files.

    Raises:
        AssertionError: a file decoded to something other than audio of a bounded length.
        MediaError: an undamaged file was refused after a damaged one.
    """
    rng = random.Random(seed)
    whole = [write_audio(folder / f"whole.{container}", SECONDS, container, codec, rate) for container, codec, rate in KINDS]
    decoder = Decoder(timeout_s=HANG_SECONDS)
    figures = Figures()
    try:
        for number in range(count):
            source = whole[number % len(whole)]
            data = bytearray(source.read_bytes())
            for damage in rng.choices(DAMAGES, k=rng.randint(1, 3)):
                if len(data) > 32:
                    damage(data, rng)
            damaged = folder / "damaged"
            damaged.write_bytes(data)
            began = time.monotonic()
            decoder.start()
            child = decoder._child
            try:
                audio = decoder.decode(damaged, OPTIONS).audio
                assert audio.size <= LONGEST_SECONDS * SAMPLE_RATE and np.isfinite(audio).all(), f"file {number} of seed {seed}"
                figures.decoded += 1
            except MediaError:
                figures.refused += 1
            if decoder._child is not child:
                figures.restarts += 1
                decoder.decode(source, OPTIONS)
            figures.files += 1
            figures.longest_s = max(figures.longest_s, round(time.monotonic() - began, 2))
        for source in whole:
            decoder.decode(source, OPTIONS)
    finally:
        decoder.close()
    return figures


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(prog="mutated_files", description="Decodes files with random damage.")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asdict(run(options.count, options.seed, Path(folder)))))  # noqa: T201 - its result


if __name__ == "__main__":
    main()
