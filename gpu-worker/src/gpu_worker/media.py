"""Decoding of uploaded media, in a child process with limits: the bytes come from anywhere.

Steps: look at the first bytes -> force that demuxer -> decode audio to 16 kHz mono in pieces -> stop at the limit.

Gotchas:
- FFmpeg guesses formats. A text file that starts with `ffconcat` opens other files of the machine, SDP opens sockets,
  whatever the file is called. Only the forced demuxer keeps that out; `protocol_whitelist` alone did not.
- Live WebM has no duration in its header and 2.6 MB can hold 10 h: decoded samples are counted, never a header believed.
- Recorders that use `MediaRecorder.start(timeslice)` send one stream in pieces, of which only the first has a header, cut at
  any byte. Such a piece is decoded behind all pieces before it, and the packets that end in it are its own: so none is
  lost or doubled at a join.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from gpu_worker.memory import limit

SAMPLE_RATE: Final = 16_000
Samples = npt.NDArray[np.int16]

PEAK_SAMPLES: Final = SAMPLE_RATE // 10
"""A waveform has one point for so many samples."""

MEMORY_LIMIT_BYTES: Final = 2 * 1024**3
"""Address space of the child (libraries alone map about half of it)."""
READY: Final = b"ready\n"
TIMEOUT_SECONDS: Final = 60.0
"""One chunk of 10 min decodes in a few seconds; what takes this long hangs."""


class MediaError(Exception):
    """The file is no audio that we take; trying again would end the same."""


class DecoderUnavailable(OSError):
    """The child does not even start: this machine's fault, not the file's."""


def sniff(head: bytes) -> str | None:
    """Demuxer for a file that begins with these bytes (12 are enough), or None when it is none of the accepted kinds."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"fLaC"):
        return "flac"
    if head[4:8] == b"ftyp":
        return "mp4"
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6)):
        return "mp3"
    return None


OGG_FIRST_PAGE: Final = 0x02
"""Flag of the page with which a stream begins, in the sixth byte of a page."""


def begins_alone(head: bytes) -> bool:
    """Whether a file with these first bytes (12 are enough) can be decoded without what came before it."""
    demuxer = sniff(head)
    return demuxer is not None and not (demuxer == "ogg" and not (len(head) > 5 and head[5] & OGG_FIRST_PAGE))


OGG_PAGE_HEADER: Final = 27
OGG_PAGE_LONGEST: Final = OGG_PAGE_HEADER + 255 + 255 * 255


def _page_start(file: IO[bytes], at: int) -> int:
    """`at`, or the beginning of the Ogg page that holds it: packets of a page tell only where the page begins."""
    file.seek(max(0, at - OGG_PAGE_LONGEST))
    behind = file.read(min(at, OGG_PAGE_LONGEST) + OGG_PAGE_LONGEST)
    middle = min(at, OGG_PAGE_LONGEST)
    start = behind.rfind(b"OggS", 0, middle)
    if start < 0 or len(behind) < start + OGG_PAGE_HEADER:
        return at
    lengths = behind[start + OGG_PAGE_HEADER : start + OGG_PAGE_HEADER + behind[start + OGG_PAGE_HEADER - 1]]
    return at - (middle - start) if start + OGG_PAGE_HEADER + len(lengths) + sum(lengths) > middle else at


PRE_ROLL_PACKETS: Final = 10
"""Packets that a decoder gets before the first wanted one: Opus needs 80 ms to settle."""


BLOCK_HEADER: Final = {"matroska": 4}
"""Bytes between a packet's position, as FFmpeg tells it, and its data."""


def _wanted(packets: Iterable[Any], from_byte: int, header: int) -> Iterator[tuple[Any, bool]]:
    """Packets to decode, and whether their sound is wanted: those that end behind `from_byte` are."""
    before: deque[Any] = deque(maxlen=PRE_ROLL_PACKETS)
    begun = from_byte == 0
    for packet in packets:
        if not begun:
            if packet.pos is None or packet.pos + header + packet.size <= from_byte:
                before.append(packet)
                continue
            begun = True
            yield from ((earlier, False) for earlier in before)
        yield packet, True


def decoded(path: Path, from_byte: int = 0) -> Iterator[tuple[Samples, float]]:
    """Audio of the file piece by piece: int16 [n_samples] at 16 kHz, and the share of the file that is read by then.

    Without what ends before `from_byte`; raises MediaError.
    """
    import av
    from av.audio.resampler import AudioResampler

    size = max(1, path.stat().st_size)
    with path.open("rb") as file:
        demuxer = sniff(file.read(12))
        if demuxer == "ogg" and from_byte:
            from_byte = _page_start(file, from_byte)
    if demuxer is None:
        raise MediaError("this is not an audio file of a kind that we take")
    share = 0.0
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    try:
        with av.open(str(path), format=demuxer, options={"protocol_whitelist": "file"}) as container:
            if not container.streams.audio:
                raise MediaError("the file has no audio track")
            for packet, wanted in _wanted(_packets(container), from_byte, BLOCK_HEADER.get(demuxer, 0)):
                share = max(share, min(1.0, (packet.pos or 0) / size))
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue
                if not wanted:
                    continue
                for frame in frames:
                    for out in resampler.resample(frame):
                        yield _samples_of(out), share
            for out in resampler.resample(None):
                yield _samples_of(out), 1.0
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError("the file cannot be decoded; it is damaged or not what it seems") from error


def _samples_of(frame: Any) -> Samples:  # noqa: ANN401 - PyAV's own class
    samples: Samples = frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
    return samples


def _decode(path: Path, max_seconds: float, from_byte: int = 0) -> Samples:
    """Audio of the file as int16 [n_samples], without what ends before `from_byte`; raises MediaError."""
    pieces: list[Samples] = []
    count, limit = 0, int(max_seconds * SAMPLE_RATE)
    for piece, _ in decoded(path, from_byte):
        pieces.append(piece)
        count += piece.size
        if count > limit:
            raise MediaError(f"the audio is longer than {max_seconds:.0f} s")
    if count == 0:
        raise MediaError("the file holds no audio")
    return np.concatenate(pieces)


def _packets(container: Any) -> Iterator[Any]:  # noqa: ANN401 - PyAV's own class
    """Packets up to where the stream is broken off: a piece may end in the middle of one."""
    import av

    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError:
            return
        if packet is None:
            return
        yield packet


def peaks_of(audio: npt.NDArray[np.float32]) -> str:
    """The loudest sample of each tenth of a second as one byte, base64."""
    padded = np.pad(np.abs(audio), (0, -len(audio) % PEAK_SAMPLES))
    loudest = np.minimum(255, np.round(padded.reshape(-1, PEAK_SAMPLES).max(axis=1) * 255)).astype(np.uint8)
    return base64.b64encode(loudest.tobytes()).decode()


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """The child: a JSON line in (`path`, `max_seconds`, `from_byte`); one out (`samples` or `error`), then the samples."""
    import av  # noqa: F401 - a missing library must show before the first file

    limit(MEMORY_LIMIT_BYTES)
    answers.write(READY)
    answers.flush()
    for line in requests:
        request = json.loads(line)
        samples: Samples | None = None
        try:
            samples = _decode(Path(request["path"]), float(request["max_seconds"]), int(request["from_byte"]))
            answer: dict[str, Any] = {"samples": int(samples.size)}
        except MediaError as error:
            answer = {"error": str(error)}
        except MemoryError:
            answer = {"error": "the file needs more memory to decode than audio of its length may"}
        answers.write(json.dumps(answer).encode() + b"\n")
        if samples is not None:
            answers.write(samples.tobytes())
        answers.flush()


class Decoder:
    """Parent's side of the child; one file at a time, used from any thread."""

    def __init__(self, timeout_s: float = TIMEOUT_SECONDS) -> None:
        self._timeout_s = timeout_s
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def decode(self, path: Path, max_seconds: float, from_byte: int = 0) -> npt.NDArray[np.float32]:
        """Audio as float32 [n_samples] in -1 to 1 at 16 kHz, of the part of the file that begins at `from_byte`.

        Raises:
            MediaError: not audio, too long, or a file that makes the decoder crash or hang.
            DecoderUnavailable: there is no decoder to ask.
        """
        with self._lock:
            child = self._running()
            watchdog = threading.Timer(self._timeout_s, child.kill)
            watchdog.start()
            try:
                return self._ask(child, {"path": str(path), "max_seconds": max_seconds, "from_byte": from_byte})
            finally:
                watchdog.cancel()

    def start(self) -> None:
        """Starts the child now rather than with the first file; raises DecoderUnavailable."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """Ends the child."""
        with self._lock:
            if self._child is not None:
                self._child.kill()
                self._child.wait()
                self._child = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            child = subprocess.Popen(
                [sys.executable, "-m", "gpu_worker.media"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"PYTHONPATH": str(Path(__file__).parents[1])},  # no credentials where foreign bytes are read
            )
            if child.stdout is None or child.stdout.readline() != READY:
                child.kill()
                raise DecoderUnavailable("the media decoder does not start")
            self._child = child
        return self._child

    def _ask(self, child: subprocess.Popen[bytes], request: dict[str, Any]) -> npt.NDArray[np.float32]:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError as error:  # it ended before it saw this file
            self._child = None
            raise DecoderUnavailable("the media decoder has ended") from error
        line = child.stdout.readline()
        answer = json.loads(line) if line else None
        data = child.stdout.read(answer["samples"] * 2) if answer and "samples" in answer else b""
        if answer is None or ("samples" in answer and len(data) < answer["samples"] * 2):
            child.kill()
            child.wait()
            self._child = None
            raise MediaError("the file makes the decoder fail; it is damaged or not what it seems")
        if "error" in answer:
            raise MediaError(answer["error"])
        audio = np.frombuffer(data, dtype=np.int16).astype(np.float32)
        audio /= 32768.0  # in place: a part of a file is minutes
        return audio


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
