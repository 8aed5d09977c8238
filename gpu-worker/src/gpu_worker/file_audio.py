"""A whole file becomes parts: decoded as it is read, cut where nobody speaks, each part a FLAC file of its own.

Runs in a child process with limits, as all decoding does. Steps, all in one pass: packets -> 16 kHz mono samples -> a buffer
of one part -> the best place to cut in it -> FLAC. With `compress` the whole is also written as one Opus file.

Gotchas:
- Never more than one part is in memory, however long the file is; its length is counted, no header is believed.
- Where nobody is silent for long enough, a part begins with sound that the one before it ends with: the words that both
  have are taken once when the parts are joined (core/transcripts/seam.ts). So no cut loses a word or doubles one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from gpu_worker.media import MEMORY_LIMIT_BYTES, SAMPLE_RATE, MediaError, Samples, decoded
from gpu_worker.memory import limit

LONGEST_PART_SECONDS: Final = 360
SHORTEST_PART_SECONDS: Final = 240
"""Parts are about five minutes: what a worker's death costs, what waits behind one, and what is in memory stays small."""
MAX_FILE_SECONDS: Final = 24 * 3600
FRAME: Final = SAMPLE_RATE // 50
"""Loudness is looked at in steps of 20 ms."""
QUIET_FRAMES: Final = 25
"""Half a second without speech is no pause within a word."""
SILENT_DB: Final = -60.0
"""Below this level of full scale nobody is heard."""
SPEECH_ABOVE_NOISE_DB: Final = 12.0
"""Speech that is not this much louder than the noise cannot be told from it by loudness."""
QUIET_ABOVE_NOISE_DB: Final = 6.0
OVERLAP_SECONDS: Final = 2
SAYS_EVERY_SECONDS: Final = 0.5
HANGS_SECONDS: Final = 60.0
"""A child that says nothing for this long hangs."""
OPUS_BITS_PER_SECOND: Final = 32_000
ENCODED_AT_ONCE: Final = 10 * SAMPLE_RATE


@dataclass(frozen=True)
class Cut:
    """Where a part ends, and where the next one begins, in samples of the buffer."""

    end: int
    next_start: int


def choose_cut(samples: Samples) -> Cut:
    """The best place to cut a full buffer: the longest silence, or the quietest moment with an overlap."""
    first = SHORTEST_PART_SECONDS * SAMPLE_RATE
    frames = samples[first : first + (len(samples) - first) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float32)
    power = np.square(frames / 32768.0).mean(axis=1)
    level = 10 * np.log10(np.maximum(power, 1e-10))
    noise, speech = np.percentile(level, [10, 90])
    told_apart = speech - noise >= SPEECH_ABOVE_NOISE_DB
    quiet = level <= (max(SILENT_DB, noise + QUIET_ABOVE_NOISE_DB) if told_apart else SILENT_DB)
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
class Part:
    """One part; times in seconds from the beginning of the file."""

    file: str
    start: float
    end: float
    overlap_s: float
    """So much of its beginning is also the end of the part before it."""


def cut(pieces: Iterator[Samples]) -> Iterator[tuple[Samples, float, float]]:
    """Parts of a stream of samples: (samples, start in seconds, overlap in seconds).

    Raises:
        MediaError: it is longer than a file may be.
    """
    held: list[Samples] = []
    count, start, overlap = 0, 0, 0
    longest = LONGEST_PART_SECONDS * SAMPLE_RATE
    for piece in pieces:
        held.append(piece)
        count += piece.size
        while count > longest:
            buffer = np.concatenate(held)
            place = choose_cut(buffer[:longest])
            yield buffer[: place.end], start / SAMPLE_RATE, overlap / SAMPLE_RATE
            held, count = [buffer[place.next_start :].copy()], count - place.next_start
            start, overlap = start + place.next_start, place.end - place.next_start
            if start > MAX_FILE_SECONDS * SAMPLE_RATE:
                raise MediaError(f"the audio is longer than {MAX_FILE_SECONDS // 3600} h")
    if count > overlap:
        yield np.concatenate(held), start / SAMPLE_RATE, overlap / SAMPLE_RATE


class _Encoder:
    """Writes 16 kHz mono samples as one file of this kind."""

    def __init__(self, path: Path, container: str, codec: str, bits_per_second: int | None = None) -> None:
        import av

        self._file = av.open(str(path), "w", format=container)
        stream: Any = self._file.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        self._stream = stream
        if bits_per_second is not None:
            stream.bit_rate = bits_per_second
            stream.options = {
                "compression_level": "1",
                "application": "voip",
            }  # three times as fast as the best, and as good for speech
        self._at = 0

    def add(self, samples: Samples) -> None:
        import av

        for begin in range(0, samples.size, ENCODED_AT_ONCE):
            block = np.ascontiguousarray(samples[begin : begin + ENCODED_AT_ONCE])
            frame = av.AudioFrame.from_ndarray(block[None, :], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, self._at
            self._at += block.size
            self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()


def cut_file(source: Path, folder: Path, compress: bool, say: Callable[[dict[str, Any]], None]) -> None:
    """Writes the parts into the folder and says each when it is there; raises MediaError.

    Said are `{at}` (share of the file that is read), `{part}`, and in the end `{seconds, compressed}`.
    """
    archive = _Encoder(folder / "source.ogg", "ogg", "libopus", OPUS_BITS_PER_SECOND) if compress else None
    said_at = 0.0
    total = 0

    def pieces() -> Iterator[Samples]:
        nonlocal said_at, total
        for piece, share in decoded(source):
            total += piece.size
            if archive is not None:
                archive.add(piece)
            yield piece
            if time.monotonic() - said_at > SAYS_EVERY_SECONDS:
                said_at = time.monotonic()
                say({"at": share})

    for number, (samples, start, overlap) in enumerate(cut(pieces()), 1):
        path = folder / f"part-{number:03d}.flac"
        encoder = _Encoder(path, "flac", "flac")
        encoder.add(samples)
        encoder.close()
        say({"part": asdict(Part(path.name, start, start + samples.size / SAMPLE_RATE, overlap))})
    if total == 0:
        raise MediaError("the file holds no audio")
    if archive is not None:
        archive.close()
    say({"seconds": total / SAMPLE_RATE, "compressed": "source.ogg" if compress else None})


def serve(request: dict[str, Any], answers: IO[bytes]) -> None:
    """The child: one request, JSON lines out."""
    limit(MEMORY_LIMIT_BYTES)

    def say(line: dict[str, Any]) -> None:
        answers.write(json.dumps(line).encode() + b"\n")
        answers.flush()

    try:
        cut_file(Path(request["source"]), Path(request["folder"]), bool(request["compress"]), say)
    except MediaError as error:
        say({"error": str(error)})
    except MemoryError:
        say({"error": "the file needs more memory to decode than audio may"})
    except OSError as error:
        say({"trouble": str(error), "errno": error.errno})


class Cutter:
    """Parent's side of the child."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, source: Path, folder: Path, compress: bool) -> Iterator[dict[str, Any]]:
        """What the child says, line by line.

        Raises:
            MediaError: not audio, too long, or a file that makes the decoder crash or hang.
            OSError: this machine's fault, such as a full disk.
        """
        child = subprocess.Popen(
            [sys.executable, "-m", "gpu_worker.file_audio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(Path(__file__).parents[1])},  # no credentials where foreign bytes are read
        )
        self._child = child
        assert child.stdin is not None and child.stdout is not None
        request = {"source": str(source), "folder": str(folder), "compress": compress}
        ended = False
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.close()
            while True:
                watchdog = threading.Timer(HANGS_SECONDS, child.kill)
                watchdog.start()
                line = child.stdout.readline()
                watchdog.cancel()
                if not line:
                    break
                said = json.loads(line)
                if "error" in said:
                    raise MediaError(said["error"])
                if "trouble" in said:
                    raise OSError(said["errno"], said["trouble"])
                ended = "seconds" in said
                yield said
        except BrokenPipeError:
            ended = False
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        if not ended:
            raise MediaError("the file makes the decoder fail; it is damaged or not what it seems")

    def kill(self) -> None:
        """Ends the child; `run` then raises MediaError."""
        if self._child is not None:
            self._child.kill()


if __name__ == "__main__":
    serve(json.loads(sys.stdin.buffer.readline()), sys.stdout.buffer)
