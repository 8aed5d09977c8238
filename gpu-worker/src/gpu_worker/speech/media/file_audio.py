"""Cuts a whole file into parts at pauses; each part is a FLAC file.

Runs in a child process with limits, because the bytes are untrusted. Steps, in one pass: packets -> 16 kHz mono samples -> a
buffer of one part -> choose a cut in it -> FLAC. With `compress` the whole file is also written as Opus.

Gotchas:
- Memory holds no more than one part, however long the file is. The length is counted; headers are not trusted.
- With `separate`, parts contain all channels. Cuts are chosen on their mean.
- Without a pause that is long enough, a part begins with the last 2 s of the part before it. Joining keeps the words in this
  overlap once (core/transcripts/boundary.ts), so no cut loses or doubles a word.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from pydantic import TypeAdapter

from gpu_worker.memory import limit
from gpu_worker.speech.media.clock import Span
from gpu_worker.speech.media.decoding import (
    MAX_FILE_SECONDS,
    MEMORY_LIMIT_BYTES,
    DecodeOptions,
    Found,
    MediaError,
    decoded,
    joined,
)
from gpu_worker.speech.media.mixing import SAMPLE_RATE, Samples

LONGEST_PART_SECONDS: Final = 360
SHORTEST_PART_SECONDS: Final = 240
"""Parts last about five minutes. This limits what a worker's death costs, how long other work waits, and memory use."""
FRAME: Final = SAMPLE_RATE // 50
"""Loudness is measured in steps of 20 ms."""
QUIET_FRAMES: Final = 25
"""Quiet of half a second is a pause between words, not within one."""
SILENT_DB: Final = -60.0
"""Audio below this level, relative to full scale, is silent."""
SPEECH_ABOVE_NOISE_DB: Final = 12.0
"""Minimum difference between speech and noise for loudness to separate them."""
QUIET_ABOVE_NOISE_DB: Final = 6.0
OVERLAP_SECONDS: Final = 2
PROGRESS_SECONDS: Final = 0.5
HANG_SECONDS: Final = 60.0
"""A child that sends nothing for this long hangs."""
OPUS_BITS_PER_SECOND: Final = 32_000
ENCODER_BLOCK_SAMPLES: Final = 10 * SAMPLE_RATE


@dataclass(frozen=True)
class Cut:
    """End of a part and start of the next one, in samples of the buffer."""

    end: int
    next_start: int


def choose_cut(samples: Samples) -> Cut:
    """Chooses where to cut a full buffer: at the longest pause, else at the quietest moment, with an overlap.

    Args:
        samples: int16 [n_samples], 16 kHz.
    """
    first = SHORTEST_PART_SECONDS * SAMPLE_RATE
    frames = samples[first : first + (len(samples) - first) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float32)
    power = np.square(frames / 32768.0).mean(axis=1)
    level = 10 * np.log10(np.maximum(power, 1e-10))
    noise, speech = np.percentile(level, [10, 90])
    is_separable = speech - noise >= SPEECH_ABOVE_NOISE_DB
    quiet = level <= (max(SILENT_DB, noise + QUIET_ABOVE_NOISE_DB) if is_separable else SILENT_DB)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet.astype(np.int8), [0]))))
    starts, ends = edges[::2], edges[1::2]
    if len(starts) > 0:
        longest = int(np.argmax(ends - starts))
        if ends[longest] - starts[longest] >= QUIET_FRAMES:
            at = first + int(starts[longest] + ends[longest]) // 2 * FRAME
            return Cut(at, at)
    half = OVERLAP_SECONDS * SAMPLE_RATE // 2
    usable = level[: len(level) - half // FRAME]
    at = first + int(np.argmin(np.convolve(usable, np.ones(10) / 10, mode="same"))) * FRAME
    return Cut(at + half, at - half)


@dataclass(frozen=True)
class ReadSoFar:
    """Share of the file that is read, 0 to 1."""

    at: float


@dataclass(frozen=True)
class Part:
    """One complete part; times in seconds from the start of the file."""

    file: str
    start: float
    end: float
    overlap_s: float
    """Seconds at its start that repeat the end of the part before it."""
    damaged: tuple[Span, ...]
    """What could not be decoded, in seconds from the part's beginning."""


@dataclass(frozen=True)
class WholeFile:
    """The end of a file that was cut."""

    seconds: float
    compressed: str | None
    """File name of the compressed copy; None if none was requested."""
    recorded_at: str | None
    """Time of the recording as the file tells it."""


Event = ReadSoFar | Part | WholeFile


@dataclass(frozen=True)
class Order:
    """What the child does. `compress`: also write the file as Opus. `separate`: do not mix channels."""

    source: Path
    folder: Path
    compress: bool = False
    separate: bool = False


@dataclass(frozen=True)
class _Refused:
    """The file cannot be cut."""

    error: str


@dataclass(frozen=True)
class _Fault:
    """A fault of the machine."""

    os_error: str
    errno: int | None


_ORDER: Final = TypeAdapter(Order)
_LINE: Final = TypeAdapter(ReadSoFar | Part | WholeFile | _Refused | _Fault)


def cut(pieces: Iterator[Samples]) -> Iterator[tuple[Samples, float, float]]:
    """Cuts a stream of samples into parts: (samples, start in seconds, overlap in seconds).

    Samples are int16 [n_samples] or [n_samples, n_channels].

    Raises:
        MediaError: The audio is longer than MAX_FILE_SECONDS.
    """
    buffered: list[Samples] = []
    count, start, overlap = 0, 0, 0
    longest = LONGEST_PART_SECONDS * SAMPLE_RATE
    for piece in pieces:
        buffered.append(piece)
        count += len(piece)
        while count > longest:
            buffer = joined(buffered)
            chosen = choose_cut(mono(buffer[:longest]))
            yield buffer[: chosen.end], start / SAMPLE_RATE, overlap / SAMPLE_RATE
            buffered, count = [buffer[chosen.next_start :].copy()], count - chosen.next_start
            start, overlap = start + chosen.next_start, chosen.end - chosen.next_start
            if start > MAX_FILE_SECONDS * SAMPLE_RATE:
                raise MediaError(f"the audio is longer than {MAX_FILE_SECONDS // 3600} h")
    if count > overlap:
        yield joined(buffered), start / SAMPLE_RATE, overlap / SAMPLE_RATE


def mono(samples: Samples) -> Samples:
    """The mean of the channels, int16 [n_samples]."""
    return samples if samples.ndim == 1 else samples.mean(axis=1).astype(np.int16)


LAYOUTS: Final = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""FLAC's layouts by number of channels."""


class _Encoder:
    """Writes samples of 16 kHz to one file."""

    def __init__(
        self, path: Path, container: str, codec: str, channels: int = 1, bits_per_second: int | None = None
    ) -> None:
        import av

        self._file = av.open(str(path), "w", format=container)
        self._layout = LAYOUTS[channels - 1]
        stream = self._file.add_stream(codec, rate=SAMPLE_RATE, layout=self._layout)
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        if bits_per_second is not None:
            self._stream.bit_rate = bits_per_second
            # Three times as fast as the highest level, and as good for speech.
            self._stream.options = {"compression_level": "1", "application": "voip"}
        self._at = 0

    def add(self, samples: Samples) -> None:
        import av

        for begin in range(0, len(samples), ENCODER_BLOCK_SAMPLES):
            block = np.ascontiguousarray(samples[begin : begin + ENCODER_BLOCK_SAMPLES])
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout=self._layout)
            frame.sample_rate, frame.pts = SAMPLE_RATE, self._at
            self._at += len(block)
            self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()


def cut_file(order: Order, emit: Callable[[Event], None]) -> None:
    """Writes the parts into the folder, and emits each when it is complete; at the end WholeFile. Raises MediaError."""
    archive = (
        _Encoder(order.folder / "source.ogg", "ogg", "libopus", bits_per_second=OPUS_BITS_PER_SECOND)
        if order.compress
        else None
    )
    emitted_at = 0.0
    total = 0
    found = Found()

    def pieces() -> Iterator[Samples]:
        nonlocal emitted_at, total
        for piece, share in decoded(order.source, DecodeOptions(separate=order.separate), found):
            total += len(piece)
            if archive is not None:
                archive.add(mono(piece))
            yield piece
            if time.monotonic() - emitted_at > PROGRESS_SECONDS:
                emitted_at = time.monotonic()
                emit(ReadSoFar(share))

    for number, (samples, start, overlap) in enumerate(cut(pieces()), 1):
        path = order.folder / f"part-{number:03d}.flac"
        encoder = _Encoder(path, "flac", "flac", 1 if samples.ndim == 1 else samples.shape[1])
        encoder.add(samples)
        encoder.close()
        end = start + len(samples) / SAMPLE_RATE
        emit(Part(path.name, start, end, overlap, _within(found.damaged, start, end)))
    if total == 0:
        raise MediaError("the file contains no audio")
    if archive is not None:
        archive.close()
    emit(WholeFile(total / SAMPLE_RATE, "source.ogg" if order.compress else None, found.recorded_at))


def _within(spans: Sequence[Span], start: float, end: float) -> tuple[Span, ...]:
    """What of the spans is in a part, in seconds from its beginning."""
    return tuple(
        Span(max(span.start, start) - start, min(span.end, end) - start)
        for span in spans
        if span.start < end and span.end > start
    )


def serve(request: bytes, responses: IO[bytes]) -> None:
    """Runs the child: one request; JSON lines as responses."""
    limit(MEMORY_LIMIT_BYTES)
    order = _ORDER.validate_json(request)

    def emit(line: Event | _Refused | _Fault) -> None:
        responses.write(_LINE.dump_json(line) + b"\n")
        responses.flush()

    try:
        cut_file(order, emit)
    except MediaError as error:
        emit(_Refused(str(error)))
    except MemoryError:
        emit(_Refused("decoding the file exceeds the memory limit"))
    except OSError as error:
        emit(_Fault(str(error), error.errno))


class Cutter:
    """Parent's side of the child."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, order: Order) -> Iterator[Event]:
        """Yields what the child emits.

        Raises:
            MediaError: The file is not audio, is too long, or makes the decoder crash or hang.
            OSError: A fault of this machine, such as a full disk.
        """
        child = subprocess.Popen(
            [sys.executable, "-m", "gpu_worker.speech.media.file_audio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(Path(__file__).parents[3])},  # no credentials next to untrusted bytes
        )
        self._child = child
        assert child.stdin is not None and child.stdout is not None
        ended = False
        try:
            child.stdin.write(_ORDER.dump_json(order) + b"\n")
            child.stdin.close()
            while True:
                watchdog = threading.Timer(HANG_SECONDS, child.kill)
                watchdog.start()
                line = child.stdout.readline()
                watchdog.cancel()
                if not line:
                    break
                event = _LINE.validate_json(line)
                if isinstance(event, _Refused):
                    raise MediaError(event.error)
                if isinstance(event, _Fault):
                    raise OSError(event.errno, event.os_error)
                ended = isinstance(event, WholeFile)
                yield event
        except BrokenPipeError:
            ended = False
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        if not ended:
            raise MediaError("the decoder failed on this file; it is damaged or of another format")

    def kill(self) -> None:
        """Kills the child; `run` then raises MediaError."""
        if self._child is not None:
            self._child.kill()


if __name__ == "__main__":
    serve(sys.stdin.buffer.readline(), sys.stdout.buffer)
