"""Rows of the stage's tables, as far as the worker reads them."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

WITHOUT_VALUES: Final = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
"""Errors are logged, and rows contain texts: an error names the attribute only."""

Whole = Annotated[int, BeforeValidator(int)]
"""A whole number. DynamoDB returns Decimal."""


class Row(BaseModel):
    """Attributes of a row; those that are absent have their default."""

    model_config = WITHOUT_VALUES


class Lease(Row):
    """State and holder of a chunk."""

    state: str
    etag: str = ""
    fence: Whole = 0
    worker_id: str = ""
    claimed_at_ms: Whole = 0
    lease_until_ms: Whole = 0
    next_attempt_at_ms: Whole = 0
    alone: bool = False
    suspect: bool = False
    deaths: Whole = 0


class Machine(Row):
    """A machine of the fleet."""

    state: str | None = None
    fence: Whole = 0
    stop_decided_at_ms: Whole = 0
    holders: dict[str, float] = {}
    """Who needs the machine -> Unix time in milliseconds until which."""


class Tokens(Row):
    """Tokens of the run that waits for a machine."""

    ready_token: str | None = None
    drain_token: str | None = None


class Pool(Row):
    """Requests for machines."""

    wanted_seq: Whole = 0


class GateTimes(Row):
    """Until when a recording is live, and until when the batch may run beside it."""

    live_until_ms: Whole = 0
    behind_live_until_ms: Whole = 0


class DetectedLanguage(Row):
    """A session, or the row of a whole file."""

    detected_language: str | None = None


class CommittedResult(Row):
    """A committed chunk that another one can reuse."""

    result_key: str
    peaks: str | None = None
