"""What the service and its model process send each other: JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from gpu_worker.speech.options import Options

INVALID_REFERENCE: Final = "invalid-reference"
"""Code of a job that failed because of a recording of a known speaker."""


@dataclass(frozen=True)
class Order:
    """A job to process."""

    seq: int
    path: Path
    """The audio."""
    result: Path
    """Where the transcript is written, JSON."""
    model: str
    options: Options


@dataclass(frozen=True)
class Ready:
    """The model is loaded."""

    model: str
    on_gpu: bool
    kind: Literal["ready"] = "ready"


@dataclass(frozen=True)
class NotReady:
    """The model cannot be loaded; the process ends."""

    reason: str
    kind: Literal["not-ready"] = "not-ready"


@dataclass(frozen=True)
class Progress:
    """Share of a job that is done, 0 to 1."""

    seq: int
    progress: float
    kind: Literal["progress"] = "progress"


@dataclass(frozen=True)
class Transcribed:
    """Texts of the segments of one part of a job, in order."""

    seq: int
    texts: tuple[str, ...]
    kind: Literal["transcribed"] = "transcribed"


@dataclass(frozen=True)
class Completed:
    """The result of a job is written. `seconds`: duration of its audio."""

    seq: int
    seconds: float
    kind: Literal["completed"] = "completed"


@dataclass(frozen=True)
class Failed:
    """A job has no result."""

    seq: int
    error: str
    code: str
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True)
class Alive:
    """A step of work is done."""

    kind: Literal["alive"] = "alive"


@dataclass(frozen=True)
class Idle:
    """All jobs of the last request have ended. `memory_mb`: peak memory of the process."""

    memory_mb: int
    kind: Literal["idle"] = "idle"


@dataclass(frozen=True)
class FullDisk:
    """A result could not be written; the process ends."""

    kind: Literal["disk-full"] = "disk-full"


JobLine = Progress | Transcribed | Completed | Failed
Line = Ready | NotReady | JobLine | Alive | Idle | FullDisk

REQUEST: Final = TypeAdapter(tuple[Order, ...])
"""Jobs of one model, which are processed together where possible."""
RESPONSE: Final[TypeAdapter[Line]] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])
