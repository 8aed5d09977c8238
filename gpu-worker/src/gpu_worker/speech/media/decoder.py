"""Decodes uploaded media in a child process with limits.

The child is `python -m gpu_worker.speech.media`. It is started before the first file, and again after a file that makes it
crash or hang.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from gpu_worker.memory import limit
from gpu_worker.speech.media.clock import Span
from gpu_worker.speech.media.decoding import MEMORY_LIMIT_BYTES, DecodeOptions, Found, LeadIn, MediaError, decode, joined
from gpu_worker.speech.media.mixing import Samples
from gpu_worker.speech.media.no_signal import no_signal_in

READY: Final = b"ready\n"
TIMEOUT_SECONDS: Final = 60.0
"""A chunk of 10 min decodes in a few seconds; a decoder that takes this long hangs."""


class DecoderUnavailable(OSError):
    """The child does not start: the machine's fault, not the file's."""


@dataclass(frozen=True)
class _Order:
    """A file to decode."""

    path: Path
    options: DecodeOptions
    from_byte: int
    lead_in_s: float


@dataclass(frozen=True)
class _Decoded:
    """Number of samples per channel that follow, and how many of them precede `from_byte`."""

    samples: int
    channels: int
    lead_in: int
    damaged: list[Span]
    no_signal: list[Span]


@dataclass(frozen=True)
class _Refused:
    """The file cannot be decoded."""

    error: str


_ORDER: Final = TypeAdapter(_Order)
_RESPONSE: Final = TypeAdapter(_Decoded | _Refused)

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Decoded:
    """Audio as float32, -1 to 1, 16 kHz: [n_samples], or [n_channels, n_samples] if channels are separate."""

    audio: Audio
    before: Audio
    """The end of the audio before a piece, in the same shape."""
    damaged: tuple[Span, ...]
    """Spans of `audio` that could not be decoded; they are silent."""
    no_signal: tuple[Span, ...] = ()
    """Spans of `audio` without a signal on any channel."""


def serve(requests: IO[bytes], responses: IO[bytes]) -> None:
    """Runs the child. A request is a JSON line; the response is a JSON line, then the samples as int16 if there are any."""
    import av  # noqa: F401 - fails before the first file if the library is missing

    limit(MEMORY_LIMIT_BYTES)
    responses.write(READY)
    responses.flush()
    for line in requests:
        order = _ORDER.validate_json(line)
        samples: Samples | None = None
        response: _Decoded | _Refused
        try:
            lead_in = LeadIn(order.lead_in_s)
            found = Found()
            own = decode(order.path, order.options, found, order.from_byte, lead_in)
            before = lead_in.samples()
            samples = joined([before, own]) if before.size else own
            channels = samples.shape[1] if samples.ndim == 2 else 1
            response = _Decoded(len(samples), channels, len(before), found.damaged, no_signal_in(own, found.inserted))
        except MediaError as error:
            response = _Refused(str(error))
        except MemoryError:
            response = _Refused("decoding the file exceeds the memory limit")
        responses.write(_RESPONSE.dump_json(response) + b"\n")
        if samples is not None:
            responses.write(samples.tobytes())
        responses.flush()


class Decoder:
    """Parent's side of the child; decodes one file at a time, callable from any thread."""

    def __init__(self, timeout_s: float = TIMEOUT_SECONDS) -> None:
        self._timeout_s = timeout_s
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def decode(self, path: Path, options: DecodeOptions, from_byte: int = 0, lead_in_s: float = 0.0) -> Decoded:
        """Decodes a file from `from_byte` on, and up to `lead_in_s` of the audio before it.

        Raises:
            MediaError: The file is not audio, is too long, or makes the decoder crash or hang.
            DecoderUnavailable: The child cannot be started.
        """
        with self._lock:
            child = self._running()
            watchdog = threading.Timer(self._timeout_s, child.kill)
            watchdog.start()
            try:
                return self._exchange(child, _Order(path, options, from_byte, lead_in_s), options.separate)
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
                [sys.executable, "-m", "gpu_worker.speech.media"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"PYTHONPATH": str(Path(__file__).parents[3])},  # no credentials next to untrusted bytes
            )
            if child.stdout is None or child.stdout.readline() != READY:
                child.kill()
                raise DecoderUnavailable("the media decoder does not start")
            self._child = child
        return self._child

    def _exchange(self, child: subprocess.Popen[bytes], order: _Order, separate: bool) -> Decoded:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(_ORDER.dump_json(order) + b"\n")
            child.stdin.flush()
        except BrokenPipeError as error:  # the child ended before it received this file
            self._child = None
            raise DecoderUnavailable("the media decoder has ended") from error
        line = child.stdout.readline()
        response = _RESPONSE.validate_json(line) if line else None
        if isinstance(response, _Refused):
            raise MediaError(response.error)
        size = 0 if response is None else response.samples * response.channels * 2
        data = child.stdout.read(size)
        if response is None or len(data) < size:
            child.kill()
            child.wait()
            self._child = None
            raise MediaError("the decoder failed on this file; it is damaged or of another format")
        audio = np.frombuffer(data, dtype=np.int16).astype(np.float32)
        audio /= 32768.0  # in place, because a part of a file lasts minutes
        if separate:
            audio = np.ascontiguousarray(audio.reshape(-1, response.channels).T)
        return Decoded(
            audio[..., response.lead_in :],
            audio[..., : response.lead_in],
            tuple(response.damaged),
            tuple(response.no_signal),
        )
