"""Claimed work on its way through, and the ways in which it can end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import numpy as np
import numpy.typing as npt
from botocore.exceptions import ClientError

from gpu_worker.chunk_rows import ChunkRows, Claim, LeaseLost
from gpu_worker.engine import Transcription
from gpu_worker.lanes import Hint, Lanes

TROUBLE_SECONDS: Final = 15.0
"""Wait after trouble with storage, which is no chunk's fault."""


class Stopping(Exception):
    """The work in hand has to be given back: SIGTERM, or a decided stop of the machine."""


class Abandoned(Exception):
    """Nobody waits for the work in hand any more: it was cancelled, deleted, or is another worker's."""


class TookTooLong(Exception):
    """More work than anything of its length may be."""


class MachineFault(Exception):
    """This machine cannot work, whatever the chunk; `error` is a name for the run's report."""

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(reason)
        self.error = error


@dataclass(eq=False)
class Item:
    """A claimed chunk, or part of a file."""

    hint: Hint
    claim: Claim
    audio: npt.NDArray[np.float32] | None = None
    content_key: str | None = None
    """Names these bytes among the user's; None for what cannot be decoded alone."""
    peaks: str | None = None
    same: Transcription | None = None
    """What was found for the same bytes before."""
    alone: bool = False
    progress: float = 0.0
    """Share of it that the model has heard."""
    lost: bool = False
    """Its lease is another's, or its row is gone."""
    began: float = field(default_factory=monotonic)


class OutOfMemory(Exception):
    """The model had not enough memory for one chunk alone."""

    def __init__(self, item: Item) -> None:
        super().__init__("the model ran out of memory")
        self.item = item


@dataclass(frozen=True)
class Failure:
    """Why a chunk has no result; `permanent`: trying again would end the same."""

    reason: str
    permanent: bool
    passes: bool = False
    """It is nothing of the chunk's: the attempt is given back."""


def groups(items: Sequence[Item]) -> list[list[Item]]:
    """Most go together; a chunk that may have ended its worker goes alone, after the others."""
    fresh = [item for item in items if not item.claim.suspect]
    suspects = [[item] for item in items if item.claim.suspect]
    return [fresh, *suspects] if fresh else suspects


def passes(error: Exception) -> bool:
    """Whether storage is in trouble, or only this object: trouble passes and is no failed attempt of a chunk."""
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    return status >= 500 or status == 429


def fail(rows: ChunkRows, lanes: Lanes, item: Item, failure: Failure) -> None:
    """Notes that the item has no result, and when it is tried again."""
    if failure.passes:
        rows.release(item.claim)
        lanes.show_again(item.hint, TROUBLE_SECONDS)
        return
    try:
        retry_in_s = rows.fail(item.claim, failure.reason, failure.permanent)
    except LeaseLost:
        return
    if retry_in_s is None:
        lanes.done(item.hint)
    else:
        lanes.show_again(item.hint, retry_in_s)
