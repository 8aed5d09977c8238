"""Claims of chunks, and what the rows say about a chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from pydantic import AliasChoices, ConfigDict, Field, TypeAdapter

from gpu_worker.cloud.stage.expressions import Key
from gpu_worker.cloud.stage.rows import WITHOUT_VALUES, Whole

FILE_PREFIX: Final = "job_"
"""Session id prefix of file jobs: row 0 is the whole file, the others are its parts."""


def key_of(session_id: str, chunk_number: int) -> Key:
    """Primary key of a chunk's row."""
    return {"session_id": session_id, "chunk_number": chunk_number}


class LeaseLost(Exception):
    """Another worker has claimed the chunk, its bytes have changed, or its row was deleted; nothing may be written."""


@dataclass(frozen=True)
class Claim:
    """The right to write a chunk's result until the lease expires."""

    __pydantic_config__: ClassVar[ConfigDict] = WITHOUT_VALUES

    session_id: str
    chunk_number: Whole
    user_id: str
    object_key: str
    etag: str
    fence: Whole
    attempts: Whole
    language: str | None = None
    suspect: bool = False
    """A worker died while it held this chunk: it is transcribed alone."""
    deaths: Whole = 0
    kills: Whole = 0
    diarize: bool = False
    """Speaker vectors are requested."""
    min_speakers: Whole = 1
    max_speakers: Whole | None = None
    """Numbers of speakers of the whole recording or file, if they are known."""
    channels: str | None = None
    """`separate`: each channel is transcribed alone. None: channels are mixed."""
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
    overlap_ms: Whole | None = None
    """Audio at the beginning that repeats the end of the previous chunk, as declared by the client."""
    started_at_ms: Whole | None = None
    """Time by the client's clock at which the chunk begins."""

    @property
    def separate(self) -> bool:
        """Whether each channel is transcribed alone."""
        return self.channels == "separate"

    @property
    def of_file(self) -> bool:
        """Whether this is a file job or one of its parts, not a chunk of a recording."""
        return self.session_id.startswith(FILE_PREFIX)

    @property
    def least_speakers(self) -> int:
        """Smallest number of speakers in this audio: not everyone speaks in a chunk of a recording."""
        return self.min_speakers if self.of_file else 1

    @property
    def is_source(self) -> bool:
        """Whether this is a whole file that has to be cut into parts."""
        return self.of_file and self.chunk_number == 0

    @property
    def key(self) -> Key:
        """Primary key of the row."""
        return key_of(self.session_id, self.chunk_number)


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

    __pydantic_config__: ClassVar[ConfigDict] = WITHOUT_VALUES

    object_key: str
    etag: str
    seconds: Annotated[float | None, Field(validation_alias=AliasChoices("duration_seconds", "said_seconds"))] = None
    """Duration as decoded, else as declared by the client."""
    started_at_ms: Whole | None = None
    stream_start: Whole | None = None
    """Number of the piece that starts its stream, if it is a later piece of one."""


@dataclass(frozen=True)
class NotClaimed:
    """The chunk cannot be claimed now. `retry_in_s`: seconds until a retry; None: never."""

    retry_in_s: float | None


_CLAIM: Final = TypeAdapter(Claim)
_PREVIOUS_CHUNK: Final = TypeAdapter(PreviousChunk)


def claim_of(row: Mapping[str, object]) -> Claim:
    """The claim that a leased row describes."""
    return _CLAIM.validate_python(row)


def previous_chunk_of(row: Mapping[str, object]) -> PreviousChunk:
    """What a chunk needs of the row before it."""
    return _PREVIOUS_CHUNK.validate_python(row)
