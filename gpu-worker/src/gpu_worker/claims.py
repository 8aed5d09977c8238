"""Claims of chunks, and what the rows say about a chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

FILE_PREFIX: Final = "job_"
"""Session id prefix of file jobs: row 0 is the whole file, the others are its parts."""


class LeaseLost(Exception):
    """Another worker has claimed the chunk, its bytes have changed, or its row was deleted; nothing may be written."""


@dataclass(frozen=True)
class Claim:
    """The right to write a chunk's result until the lease expires."""

    session_id: str
    chunk_number: int
    user_id: str
    object_key: str
    etag: str
    fence: int
    attempts: int
    language: str | None
    suspect: bool
    """A worker died while it held this chunk: it is transcribed alone."""
    deaths: int
    kills: int
    diarize: bool = False
    """Speaker vectors are requested."""
    model: str | None = None
    """Requested model; None: the worker's own."""
    prompt: str | None = None
    """Text that the recording follows."""
    hotwords: str | None = None
    """Words to expect."""
    compress: bool = False
    """Also store the whole file compressed."""
    progress: float = 0.0
    """Largest progress of any attempt, 0 to 1."""
    overlap_ms: int | None = None
    """Audio at the beginning that repeats the end of the previous chunk, as declared by the client."""
    started_at_ms: int | None = None
    """Time by the client's clock at which the chunk begins."""

    @property
    def of_file(self) -> bool:
        """Whether this is a file job or one of its parts, not a chunk of a recording."""
        return self.session_id.startswith(FILE_PREFIX)

    @property
    def is_source(self) -> bool:
        """Whether this is a whole file that has to be cut into parts."""
        return self.of_file and self.chunk_number == 0

    @property
    def key(self) -> dict[str, Any]:
        """Primary key of the row."""
        return {"session_id": self.session_id, "chunk_number": self.chunk_number}


@dataclass(frozen=True)
class ObjectVersion:
    """The current version of an uploaded object, with the values that the client declared for it."""

    etag: str
    size_bytes: int
    seconds: float | None = None
    started_at_ms: int | None = None
    overlap_ms: int | None = None


@dataclass(frozen=True)
class PreviousChunk:
    """The row of the previous chunk of a recording, in any state."""

    object_key: str
    etag: str
    seconds: float | None
    started_at_ms: int | None


@dataclass(frozen=True)
class NotClaimed:
    """The chunk cannot be claimed now. `retry_in_s`: seconds until a retry; None: never."""

    retry_in_s: float | None


def claim_of(row: Mapping[str, Any]) -> Claim:
    """The claim that a leased row describes."""
    return Claim(
        session_id=row["session_id"],
        chunk_number=int(row["chunk_number"]),
        user_id=row["user_id"],
        object_key=row["object_key"],
        etag=row["etag"],
        fence=int(row["fence"]),
        attempts=int(row["attempts"]),
        language=row.get("language"),
        suspect=bool(row.get("suspect", False)),
        deaths=int(row.get("deaths", 0)),
        kills=int(row.get("kills", 0)),
        diarize=bool(row.get("diarize", False)),
        model=row.get("model"),
        prompt=row.get("prompt"),
        hotwords=row.get("hotwords"),
        compress=bool(row.get("compress", False)),
        progress=float(row.get("progress", 0)),
        overlap_ms=int_or_none(row.get("overlap_ms")),
        started_at_ms=int_or_none(row.get("started_at_ms")),
    )


def int_or_none(value: Decimal | None) -> int | None:
    """A number of a row."""
    return None if value is None else int(value)
