"""Claimed items, and the ways in which their processing can end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.claims import Claim, LeaseLost
from gpu_worker.cloud.stage.lanes import Lanes, QueueMessage
from gpu_worker.cloud.stage.results import LeadIn
from gpu_worker.speech.engine import Transcription
from gpu_worker.speech.media import Span

STORAGE_RETRY_SECONDS: Final = 15.0
"""Delay after an error of the storage service, which is not the chunk's fault."""


class Stopping(Exception):
    """Claimed work must be released: SIGTERM, or a stop of the machine was decided."""


class Abandoned(Exception):
    """All claimed work was canceled, deleted or claimed by another worker."""


class TookTooLong(Exception):
    """Processing exceeded the soft time limit."""


class MachineFault(Exception):
    """This machine cannot process any chunk. `error`: name reported to the run."""

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(reason)
        self.error = error


@dataclass(eq=False)
class Item:
    """A claimed chunk, or a claimed file or part of a file."""

    message: QueueMessage
    claim: Claim
    audio: npt.NDArray[np.float32] | None = None
    """float32 [n_samples] or, with separate channels, [n_channels, n_samples]; 16 kHz; without the lead-in."""
    damaged: tuple[Span, ...] = ()
    """Spans of `audio` that could not be decoded."""
    no_signal: tuple[Span, ...] = ()
    """Of a chunk of a recording: spans of `audio` without a signal."""
    lead_in: LeadIn | None = None
    likely_language: str | None = None
    """Language to prefer where detection is unsure."""
    content_key: str | None = None
    """Key of the user's results with the same content and options; None if the chunk cannot be decoded by itself."""
    peaks: str | None = None
    stream_start: int | None = None
    """Number of the chunk that starts the stream of which this one is a later piece."""
    existing_result: Transcription | None = None
    """Result of an earlier chunk with the same content."""
    alone: bool = False
    progress: float = 0.0
    """Share that is transcribed, 0 to 1."""
    lost: bool = False
    """Whether another worker has the lease, or the row is gone."""


class OutOfMemory(Exception):
    """The model ran out of memory on one chunk alone."""

    def __init__(self, item: Item) -> None:
        super().__init__("the model ran out of memory")
        self.item = item


@dataclass(frozen=True)
class Failure:
    """Why an item has no result. `permanent`: a retry would fail as well."""

    reason: str
    permanent: bool
    transient: bool = False
    """The storage service failed, not the chunk: the item is released and costs no attempt."""


def groups(items: Sequence[Item]) -> list[list[Item]]:
    """Groups items for processing: all together, then each suspect alone."""
    fresh = [item for item in items if not item.claim.suspect]
    suspects = [[item] for item in items if item.claim.suspect]
    return [fresh, *suspects] if fresh else suspects


def fail(rows: ChunkRows, lanes: Lanes, item: Item, failure: Failure) -> None:
    """Records that the item has no result, and makes its message visible again for the next attempt."""
    if failure.transient:
        rows.release(item.claim)
        lanes.set_visibility(item.message, STORAGE_RETRY_SECONDS)
        return
    try:
        retry_in_s = rows.fail(item.claim, failure.reason, failure.permanent)
    except LeaseLost:
        return
    if retry_in_s is None:
        lanes.delete(item.message)
    else:
        lanes.set_visibility(item.message, retry_in_s)
