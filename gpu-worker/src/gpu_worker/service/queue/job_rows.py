"""Tables of the service's queue, and the rows for jobs and callbacks."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["queued", "processing", "completed", "failed"]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    urgent INTEGER NOT NULL,
    filename TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    model TEXT NOT NULL,
    wishes TEXT NOT NULL,
    content TEXT NOT NULL,
    work INTEGER,
    progress REAL NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    alone INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    error_code TEXT,
    seconds REAL,
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL
);
CREATE INDEX IF NOT EXISTS waiting ON jobs (state, urgent DESC, seq);
CREATE INDEX IF NOT EXISTS contents ON jobs (content, state);
CREATE INDEX IF NOT EXISTS workers ON jobs (work);
CREATE TABLE IF NOT EXISTS callbacks (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    body TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL,
    said TEXT,
    deferrals INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True)
class Job:
    """A row of `jobs`. Times: Unix time in seconds; progress: 0 to 1; `options`: of the request (column `wishes`)."""

    seq: int
    id: str
    state: State
    urgent: bool
    filename: str
    size_bytes: int
    model: str
    options: dict[str, str | None]
    content: str
    work: int | None
    progress: float
    deaths: int
    alone: bool
    error: str | None
    error_code: str | None
    seconds: float | None
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def is_over(self) -> bool:
        """Whether it has completed or failed."""
        return self.state in ("completed", "failed")

    @property
    def result_of(self) -> int:
        """Number of the job whose result it has."""
        return self.seq if self.work is None else self.work


class QueueFull(Exception):
    """The limit of queued jobs is reached."""


class JobIdTaken(Exception):
    """The client's job_id belongs to a job with other content."""


def job_of(row: sqlite3.Row) -> Job:
    """Converts a row."""
    fields = dict(row)
    options = json.loads(fields.pop("wishes"))
    return Job(**{**fields, "urgent": bool(row["urgent"]), "alone": bool(row["alone"]), "options": options})


@dataclass(frozen=True)
class Callback:
    """A row of `callbacks`."""

    id: str
    job: str
    url: str
    body: str
    attempts: int
    deferrals: int
    """Delays that the receiver's Retry-After has set."""
