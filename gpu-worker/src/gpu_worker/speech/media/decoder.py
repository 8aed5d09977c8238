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
from gpu_worker.speech.media.decoding import MEMORY_LIMIT_BYTES, LeadIn, MediaError, Samples, decode

READY: Final = b"ready\n"
TIMEOUT_SECONDS: Final = 60.0
"""A chunk of 10 min decodes in a few seconds; a decoder that takes this long hangs."""


class DecoderUnavailable(OSError):
    """The child does not start: the machine's fault, not the file's."""


@dataclass(frozen=True)
class _Order:
    """A file to decode."""

    path: Path
    max_seconds: float
    from_byte: int
    lead_in_s: float


@dataclass(frozen=True)
class _Decoded:
    """Number of samples that follow, and how many of them precede `from_byte`."""

    samples: int
    lead_in: int


@dataclass(frozen=True)
class _Refused:
    """The file cannot be decoded."""

    error: str


_ORDER: Final = TypeAdapter(_Order)
_RESPONSE: Final = TypeAdapter(_Decoded | _Refused)


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
            own = decode(order.path, order.max_seconds, order.from_byte, lead_in)
            before = lead_in.samples()
            samples = np.concatenate((before, own))
            response = _Decoded(samples.size, before.size)
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
                audio, before = self._exchange(child, _Order(path, max_seconds, from_byte, lead_in_s))
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

    def _exchange(self, child: subprocess.Popen[bytes], order: _Order) -> tuple[npt.NDArray[np.float32], int]:
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
        data = b"" if response is None else child.stdout.read(response.samples * 2)
        if response is None or len(data) < response.samples * 2:
            child.kill()
            child.wait()
            self._child = None
            raise MediaError("the decoder failed on this file; it is damaged or of another format")
        audio = np.frombuffer(data, dtype=np.int16).astype(np.float32)
        audio /= 32768.0  # in place, because a part of a file lasts minutes
        return audio, response.lead_in
