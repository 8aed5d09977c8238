"""Decodes uploaded media in a child process with limits, because the bytes are untrusted.

Steps: detect the format by the first bytes -> force that demuxer -> decode to 16 kHz mono in blocks -> stop at the limit.

Gotchas:
- FFmpeg guesses formats from content, whatever the file's name. A text file that starts with `ffconcat` opens other local
  files, and SDP opens sockets. Only the forced demuxer prevents this; `protocol_whitelist` alone did not.
- Live WebM has no duration in its header, and 2.6 MB can contain 10 h: decoded samples are counted, headers are not trusted.
- Recorders that use `MediaRecorder.start(timeslice)` send one stream in pieces, cut at any byte; only the first has a
  header. A piece is decoded after all pieces before it. A packet belongs to the piece in which it ends, so that none is lost
  or doubled.
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

LOWEST_RATE_HZ: Final = 4_000
"""Half the rate of telephone speech. At lower rates a file of one kilobyte lasts minutes."""
HIGHEST_RATE_HZ: Final = 384_000
"""Highest rate that recorders offer."""

PEAK_SAMPLES: Final = SAMPLE_RATE // 10
"""Samples per point of a waveform."""

MEMORY_LIMIT_BYTES: Final = 2 * 1024**3
"""Address space of the child; its libraries alone map about half of it."""
READY: Final = b"ready\n"
TIMEOUT_SECONDS: Final = 60.0
"""A chunk of 10 min decodes in a few seconds; a decoder that takes this long hangs."""


class MediaError(Exception):
    """The file cannot be decoded as audio; a retry would fail as well."""


class DecoderUnavailable(OSError):
    """The child does not start: the machine's fault, not the file's."""


def sniff(head: bytes) -> str | None:
    """The demuxer for a file with these first bytes (12 are enough); None if the format is not supported."""
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
"""Flag of a stream's first page, in the sixth byte of the page."""


def starts_stream(head: bytes) -> bool:
    """Whether a file with these first bytes (12 are enough) can be decoded without the pieces before it."""
    demuxer = sniff(head)
    return demuxer is not None and not (demuxer == "ogg" and not (len(head) > 5 and head[5] & OGG_FIRST_PAGE))


OGG_PAGE_HEADER: Final = 27
OGG_PAGE_LONGEST: Final = OGG_PAGE_HEADER + 255 + 255 * 255


def _page_start(file: IO[bytes], at: int) -> int:
    """The start of the Ogg page that contains byte `at`, else `at`. FFmpeg reports the page's position for its packets."""
    file.seek(max(0, at - OGG_PAGE_LONGEST))
    around = file.read(min(at, OGG_PAGE_LONGEST) + OGG_PAGE_LONGEST)
    middle = min(at, OGG_PAGE_LONGEST)
    start = around.rfind(b"OggS", 0, middle)
    if start < 0 or len(around) < start + OGG_PAGE_HEADER:
        return at
    lengths = around[start + OGG_PAGE_HEADER : start + OGG_PAGE_HEADER + around[start + OGG_PAGE_HEADER - 1]]
    return at - (middle - start) if start + OGG_PAGE_HEADER + len(lengths) + sum(lengths) > middle else at


PRE_ROLL_PACKETS: Final = 10
"""Packets that are decoded before a piece's own ones: Opus needs 80 ms to converge."""


BLOCK_HEADER: Final = {"matroska": 4}
"""Bytes between a packet's position, as FFmpeg reports it, and its data."""


LEAD_IN_PACKETS_PER_SECOND: Final = 50
"""Packets of 20 ms, as recorders make them; with shorter ones the lead-in is shorter."""


def _selected(packets: Iterable[Any], from_byte: int, header: int, lead_in_s: float) -> Iterator[tuple[Any, bool]]:
    """Packets to decode, each with whether it is the piece's own, that is, ends after `from_byte`."""
    before: deque[Any] = deque(maxlen=PRE_ROLL_PACKETS + int(lead_in_s * LEAD_IN_PACKETS_PER_SECOND))
    begun = from_byte == 0
    for packet in packets:
        if not begun:
            if packet.pos is None or packet.pos + header + packet.size <= from_byte:
                before.append(packet)
                continue
            begun = True
            yield from ((earlier, False) for earlier in before)
        yield packet, True


class LeadIn:
    """The last `seconds` of audio before a piece, int16 at 16 kHz."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._samples: list[Samples] = []
        self._resampler: Any = None

    def add(self, frame: Any) -> None:  # noqa: ANN401 - PyAV's own class
        """Adds a decoded frame; None marks the end."""
        from av.audio.resampler import AudioResampler

        # A separate resampler, so that the piece's own samples do not depend on the lead-in.
        self._resampler = self._resampler or AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        self._samples += [_samples_of(out) for out in self._resampler.resample(frame)]

    def samples(self) -> Samples:
        """The lead-in, int16 [n_samples]."""
        count = int(self.seconds * SAMPLE_RATE)
        if count == 0 or self._resampler is None:
            return np.zeros(0, dtype=np.int16)
        self.add(None)
        return np.concatenate(self._samples)[-count:]


def decoded(path: Path, from_byte: int = 0, lead_in: LeadIn | None = None) -> Iterator[tuple[Samples, float]]:
    """Decodes a file in blocks: int16 [n_samples] at 16 kHz, each with the share of the file read so far.

    Args:
        path: The file.
        from_byte: Audio that ends before this byte is skipped.
        lead_in: Gets the end of the skipped audio.

    Raises:
        MediaError: The file is not audio, or is damaged.
    """
    import av
    from av.audio.resampler import AudioResampler

    size = max(1, path.stat().st_size)
    with path.open("rb") as file:
        demuxer = sniff(file.read(12))
        if demuxer == "ogg" and from_byte:
            from_byte = _page_start(file, from_byte)
    if demuxer is None:
        raise MediaError("this is not a supported audio file")
    share = 0.0
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    try:
        with av.open(str(path), format=demuxer, options={"protocol_whitelist": "file"}) as container:
            if not container.streams.audio:
                raise MediaError("the file has no audio track")
            lead_in_s = 0.0 if lead_in is None else lead_in.seconds
            header = BLOCK_HEADER.get(demuxer, 0)
            for number, (packet, is_own) in enumerate(_selected(_packets(container), from_byte, header, lead_in_s)):
                share = max(share, min(1.0, (packet.pos or 0) / size))
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue
                for frame in frames:
                    _check_rate(frame.sample_rate)
                if not is_own:
                    if lead_in is not None and number >= PRE_ROLL_PACKETS:
                        for frame in frames:
                            lead_in.add(frame)
                    continue
                for frame in frames:
                    for out in resampler.resample(frame):
                        yield _samples_of(out), share
            for out in resampler.resample(None):
                yield _samples_of(out), 1.0
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError("the file cannot be decoded; it is damaged or of another format") from error


def _check_rate(rate_hz: int) -> None:
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise MediaError(f"the sample rate is {rate_hz} Hz; supported are {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz")


def _samples_of(frame: Any) -> Samples:  # noqa: ANN401 - PyAV's own class
    samples: Samples = frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
    return samples


def _decode(path: Path, max_seconds: float, from_byte: int, lead_in: LeadIn) -> Samples:
    """Audio of the file from `from_byte` on, int16 [n_samples]. Raises MediaError."""
    pieces: list[Samples] = []
    count, limit = 0, int(max_seconds * SAMPLE_RATE)
    for piece, _ in decoded(path, from_byte, lead_in):
        pieces.append(piece)
        count += piece.size
        if count > limit:
            raise MediaError(f"the audio is longer than {max_seconds:.0f} s")
    if count == 0:
        raise MediaError("the file contains no audio")
    return np.concatenate(pieces)


def _packets(container: Any) -> Iterator[Any]:  # noqa: ANN401 - PyAV's own class
    """Packets up to the first incomplete one: a piece may end in the middle of a packet."""
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
    """The loudest sample of each tenth of a second as one byte, base64. `audio`: float32 [n_samples], 16 kHz."""
    padded = np.pad(np.abs(audio), (0, -len(audio) % PEAK_SAMPLES))
    loudest = np.minimum(255, np.round(padded.reshape(-1, PEAK_SAMPLES).max(axis=1) * 255)).astype(np.uint8)
    return base64.b64encode(loudest.tobytes()).decode()


def serve(requests: IO[bytes], responses: IO[bytes]) -> None:
    """Runs the child. A request is a JSON line: `path`, `max_seconds`, `from_byte`, `lead_in_s`.

    The response is a JSON line with `samples` and `lead_in` (how many of these precede `from_byte`), then the samples as
    int16; or a JSON line with `error`.
    """
    import av  # noqa: F401 - fails before the first file if the library is missing

    limit(MEMORY_LIMIT_BYTES)
    responses.write(READY)
    responses.flush()
    for line in requests:
        request = json.loads(line)
        samples: Samples | None = None
        try:
            lead_in = LeadIn(float(request["lead_in_s"]))
            own = _decode(Path(request["path"]), float(request["max_seconds"]), int(request["from_byte"]), lead_in)
            before = lead_in.samples()
            samples = np.concatenate((before, own))
            response: dict[str, Any] = {"samples": int(samples.size), "lead_in": int(before.size)}
        except MediaError as error:
            response = {"error": str(error)}
        except MemoryError:
            response = {"error": "decoding the file exceeds the memory limit"}
        responses.write(json.dumps(response).encode() + b"\n")
        if samples is not None:
            responses.write(samples.tobytes())
        responses.flush()


class Decoder:
    """Parent's side of the child; decodes one file at a time, callable from any thread."""

    def __init__(self, timeout_s: float = TIMEOUT_SECONDS) -> None:
        self._timeout_s = timeout_s
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def decode(self, path: Path, max_seconds: float) -> npt.NDArray[np.float32]:
        """Audio as float32 [n_samples], -1 to 1, 16 kHz. Raises the errors of `decode_piece`."""
        return self.decode_piece(path, max_seconds, 0, 0.0)[0]

    def decode_piece(
        self, path: Path, max_seconds: float, from_byte: int, lead_in_s: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Audio from `from_byte` on, and up to `lead_in_s` of the audio before it.

        Both are float32 [n_samples], -1 to 1, 16 kHz.

        Raises:
            MediaError: The file is not audio, is too long, or makes the decoder crash or hang.
            DecoderUnavailable: The child cannot be started.
        """
        with self._lock:
            child = self._running()
            watchdog = threading.Timer(self._timeout_s, child.kill)
            watchdog.start()
            try:
                request = {"path": str(path), "max_seconds": max_seconds, "from_byte": from_byte, "lead_in_s": lead_in_s}
                audio, before = self._exchange(child, request)
                return audio[before:], audio[:before]
            finally:
                watchdog.cancel()

    def start(self) -> None:
        """Starts the child ahead of the first file. Raises DecoderUnavailable."""
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
                env={"PYTHONPATH": str(Path(__file__).parents[1])},  # no credentials next to untrusted bytes
            )
            if child.stdout is None or child.stdout.readline() != READY:
                child.kill()
                raise DecoderUnavailable("the media decoder does not start")
            self._child = child
        return self._child

    def _exchange(self, child: subprocess.Popen[bytes], request: dict[str, Any]) -> tuple[npt.NDArray[np.float32], int]:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError as error:  # the child ended before it received this file
            self._child = None
            raise DecoderUnavailable("the media decoder has ended") from error
        line = child.stdout.readline()
        response = json.loads(line) if line else None
        data = child.stdout.read(response["samples"] * 2) if response and "samples" in response else b""
        if response is None or ("samples" in response and len(data) < response["samples"] * 2):
            child.kill()
            child.wait()
            self._child = None
            raise MediaError("the decoder failed on this file; it is damaged or of another format")
        if "error" in response:
            raise MediaError(response["error"])
        audio = np.frombuffer(data, dtype=np.int16).astype(np.float32)
        audio /= 32768.0  # in place, because a part of a file lasts minutes
        return audio, int(response["lead_in"])


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
