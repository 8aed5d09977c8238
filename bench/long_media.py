"""A file of 24 h, and a WebM recording of 10 h in 3 MB, cut as the worker cuts them: `npm run proof -- long-media`.

Memory must not grow with the length, and the progress must be the share of the audio that was read.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from gpu_worker.speech.media.file_audio import Cutter, Order, Part, ReadSoFar, WholeFile
from media_matrix import Variant, write
from quality.corpora import SAMPLE, SAMPLE_RATE, decode

HOUR: Final = 3600
OPUS_RATE: Final = 48_000
PACKET_SECONDS: Final = 0.02
DTX_SECONDS: Final = 0.12
"""One packet in this time: an encoder leaves out the others in silence."""


@dataclass
class Figures:
    """Of one file. Memory is that of the process that decodes."""

    name: str
    megabytes: float
    hours: float
    parts: int
    seconds: float
    """Time to cut it."""
    early_mb: float
    """Peak of memory in the first tenth of the file."""
    peak_mb: float
    progress_off: float
    """Largest difference between the progress and the share of the audio that was cut."""


def _day(path: Path) -> Path:
    """24 h of conversation as MP3: an hour, 24 times."""
    audio = decode(SAMPLE / "conversation.webm")
    hour = np.tile(audio, HOUR * SAMPLE_RATE // len(audio) + 1)[: HOUR * SAMPLE_RATE]
    data = write(path, hour, Variant("mp3", "libmp3lame", 16_000)).read_bytes()
    with path.open("wb") as file:
        for _ in range(24):
            file.write(data)
    return path


def _sparse(path: Path) -> Path:
    """10 h of a WebM recording in which almost nothing is said."""
    with av.open(str(path), "w", format="webm", options={"live": "1"}) as file:
        stream = file.add_stream("libopus", rate=OPUS_RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, int(PACKET_SECONDS * OPUS_RATE)), np.int16), "s16", "mono")
        frame.sample_rate = OPUS_RATE
        silent = bytes(stream.encode(frame)[0])
        for number in range(int(10 * HOUR / DTX_SECONDS)):
            packet = av.Packet(silent)
            packet.stream, packet.time_base = stream, Fraction(1, OPUS_RATE)
            packet.pts = packet.dts = round(number * DTX_SECONDS * OPUS_RATE)
            file.mux(packet)
    return path


def _memory_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def cut(name: str, path: Path, hours: float) -> Figures:
    """Cuts a file of this length."""
    figures = Figures(name, round(path.stat().st_size / 1e6, 1), 0.0, 0, 0.0, 0.0, 0.0, 0.0)
    cutter, share, began = Cutter(), 0.0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for event in cutter.run(Order(path, Path(folder))):
            assert cutter._child is not None
            if not isinstance(event, WholeFile):
                figures.peak_mb = max(figures.peak_mb, _memory_mb(cutter._child.pid))
            match event:
                case ReadSoFar(at):
                    share = at
                    if at < 0.1:
                        figures.early_mb = figures.peak_mb
                case Part():
                    figures.parts += 1
                    figures.progress_off = max(figures.progress_off, abs(share - event.end / hours / HOUR))
                    (Path(folder) / event.file).unlink()
                case WholeFile(seconds):
                    figures.hours = round(seconds / HOUR, 2)
    figures.seconds = round(time.monotonic() - began, 1)
    for field in ("early_mb", "peak_mb"):
        setattr(figures, field, round(getattr(figures, field)))
    figures.progress_off = round(figures.progress_off, 3)
    return figures


def main() -> None:
    """Prints the figures as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            cut("conversation, MP3", _day(Path(folder) / "day"), 24),
            cut("almost silent, WebM", _sparse(Path(folder) / "sparse"), 10),
        ]
    print(json.dumps([asdict(one) for one in figures]))  # noqa: T201 - its result


if __name__ == "__main__":
    main()
