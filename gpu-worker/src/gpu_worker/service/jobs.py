"""The service's jobs in SQLite: they survive kill -9, and each content is heard once.

States: `queued` -> `processing` -> `completed` | `failed`. A job whose content another one has heard, or is hearing, shares
that one's work: `work` is the number of the job that does it.

Files are named by the job's number, which is made here. What callers call a job is a name in a column and never a path.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

MAX_DEATHS: Final = 2
"""Model processes that may die while they hear nothing but this job."""
SMALL_BYTES: Final = 2 * 1024**2
"""Files up to this size may go through the model with others."""

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
    said TEXT
);
"""


@dataclass(frozen=True)
class Job:
    """A row; times in seconds since the epoch, progress 0 to 1."""

    seq: int
    id: str
    state: State
    urgent: bool
    filename: str
    size_bytes: int
    model: str
    wishes: dict[str, Any]
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
        """Whether nothing of it will change any more."""
        return self.state in ("completed", "failed")

    @property
    def result_of(self) -> int:
        """Number of the job whose result is its."""
        return self.seq if self.work is None else self.work


class QueueFull(Exception):
    """More jobs wait than may."""


class NameTaken(Exception):
    """Another content has this name."""


def _job(row: sqlite3.Row) -> Job:
    fields = dict(row)
    return Job(**{**fields, "urgent": bool(row["urgent"]), "alone": bool(row["alone"]), "wishes": json.loads(row["wishes"])})


@dataclass(frozen=True)
class Callback:
    """Somebody to tell of a job's end."""

    id: str
    job: str
    url: str
    body: str
    attempts: int


class Jobs:
    """The queue in its folder; every method may be called from any thread."""

    def __init__(self, folder: Path, max_queue: int) -> None:
        self._uploads, self._results = folder / "uploads", folder / "results"
        for path in (folder, self._uploads, self._results):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._max_queue = max_queue
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / "jobs.sqlite", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)
        # Whoever reads does not wait for those who write, and they for the disk.
        self._reading = threading.Lock()
        self._reader = sqlite3.connect(folder / "jobs.sqlite", check_same_thread=False, isolation_level=None)
        self._reader.row_factory = sqlite3.Row
        self._begin_anew()

    def close(self) -> None:
        """Ends the connection."""
        with self._lock, self._reading:
            self._db.close()
            self._reader.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _begin_anew(self) -> None:
        """After a start: what was in work waits again, and uploads that are nobody's go."""
        with self._change() as db:
            db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'processing'")
            known = {row["seq"] for row in db.execute("SELECT seq FROM jobs WHERE state = 'queued'")}
        for path in self._uploads.iterdir():
            if not (path.name.isdigit() and int(path.name) in known):
                path.unlink()

    def new_upload(self) -> Path:
        """Where an upload may be written until it is somebody's."""
        return self._uploads / f"new-{uuid.uuid4().hex}"

    def upload_of(self, job: Job) -> Path:
        """The job's audio."""
        return self._uploads / str(job.seq)

    def result_path(self, seq: int) -> Path:
        """The transcript of the job with this number, as JSON."""
        return self._results / f"{seq}.json"

    def result_of(self, job: Job) -> dict[str, Any]:
        """The transcript of a completed job."""
        result: dict[str, Any] = json.loads(self.result_path(job.result_of).read_text())
        return result

    def add(
        self,
        upload: Path,
        *,
        name: str | None,
        filename: str,
        size_bytes: int,
        model: str,
        wishes: dict[str, Any],
        content: str,
        urgent: bool,
        callback_url: str | None,
    ) -> Job:
        """Takes an upload in; the job that has this name already, if its content is the same.

        Raises:
            QueueFull: too many wait.
            NameTaken: the name is another content's.
        """
        with self._change() as db:
            named = db.execute("SELECT * FROM jobs WHERE id = ?", (name,)).fetchone()
            if named is not None:
                if named["content"] != content:
                    raise NameTaken
                upload.unlink(missing_ok=True)
                return _job(named)
            work = self._work_for(db, content)
            waiting = db.execute("SELECT COUNT(*) FROM jobs WHERE state = 'queued' AND work IS NULL").fetchone()[0]
            if work is None and waiting >= self._max_queue:
                raise QueueFull
            job_id = name or f"job_{uuid.uuid4().hex}"
            cursor = db.execute(
                "INSERT INTO jobs (id, state, urgent, filename, size_bytes, model, wishes, content, work, created_at)"
                " VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    urgent,
                    filename,
                    size_bytes,
                    model,
                    json.dumps(wishes),
                    content,
                    None if work is None else work["seq"],
                    time.time(),
                ),
            )
            seq = int(cursor.lastrowid or 0)
            if callback_url is not None:
                db.execute(
                    "INSERT INTO callbacks (id, job, url) VALUES (?, ?, ?)",
                    (f"msg_{uuid.uuid4().hex}", job_id, callback_url),
                )
            if work is None:
                upload.rename(self._uploads / str(seq))
            else:
                upload.unlink(missing_ok=True)
                self._share(db, work["seq"])
            return _job(db.execute("SELECT * FROM jobs WHERE seq = ?", (seq,)).fetchone())

    def _work_for(self, db: sqlite3.Connection, content: str) -> sqlite3.Row | None:
        """The job that has heard this content, or is about to."""
        found = db.execute(
            "SELECT * FROM jobs WHERE content = ? AND work IS NULL AND state <> 'failed' ORDER BY seq DESC LIMIT 1",
            (content,),
        ).fetchone()
        if found is not None and found["state"] == "completed" and not self.result_path(found["seq"]).exists():
            return None
        row: sqlite3.Row | None = found
        return row

    def get(self, job_id: str) -> Job | None:
        """The job with this name."""
        with self._reading:
            row = self._reader.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else _job(row)

    def newest(self, limit: int) -> list[Job]:
        """Jobs, newest first."""
        with self._reading:
            rows = self._reader.execute("SELECT * FROM jobs ORDER BY seq DESC LIMIT ?", (limit,))
            return [_job(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        with self._reading:
            return {row[0]: row[1] for row in self._reader.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state")}

    def take(self, most: int) -> list[Job]:
        """The jobs to hear now, together: the first in the queue, and small ones behind it with the same wishes."""
        with self._change() as db:
            rows = db.execute(
                "SELECT * FROM jobs WHERE state = 'queued' AND work IS NULL ORDER BY urgent DESC, seq LIMIT ?", (most * 4,)
            ).fetchall()
            if not rows:
                return []
            first = rows[0]
            group = [first]
            if not first["alone"] and first["size_bytes"] <= SMALL_BYTES:
                alike = [
                    row
                    for row in rows[1:]
                    if not row["alone"]
                    and row["size_bytes"] <= SMALL_BYTES
                    and (row["model"], row["wishes"]) == (first["model"], first["wishes"])
                ]
                group += alike[: most - 1]
            now = time.time()
            for row in group:
                db.execute(
                    "UPDATE jobs SET state = 'processing', started_at = COALESCE(started_at, ?) WHERE seq = ?",
                    (now, row["seq"]),
                )
        return [_job(row) for row in group]

    def reach(self, seq: int, progress: float) -> None:
        """Notes how far a job is; it never goes back."""
        with self._change() as db:
            db.execute(
                "UPDATE jobs SET progress = MAX(progress, ?)"
                " WHERE (seq = ? OR work = ?) AND state IN ('queued', 'processing')",
                (min(0.99, progress), seq, seq),
            )

    def complete(self, seq: int, seconds: float) -> list[str]:
        """The result is written; answers the names of the jobs that have ended by it."""
        with self._change() as db:
            db.execute(
                "UPDATE jobs SET state = 'completed', progress = 1, seconds = ?, ended_at = ?"
                " WHERE seq = ? AND state <> 'failed'",
                (seconds, time.time(), seq),
            )
            names = self._share(db, seq)
        (self._uploads / str(seq)).unlink(missing_ok=True)
        return names

    def fail(self, seq: int, error: str, code: str) -> list[str]:
        """It has no result; answers the names of the jobs that have ended by it."""
        with self._change() as db:
            db.execute(
                "UPDATE jobs SET state = 'failed', error = ?, error_code = ?, ended_at = ?"
                " WHERE seq = ? AND state <> 'completed'",
                (error[:500], code, time.time(), seq),
            )
            names = self._share(db, seq)
        (self._uploads / str(seq)).unlink(missing_ok=True)
        return names

    def _share(self, db: sqlite3.Connection, seq: int) -> list[str]:
        """Gives a job's end to all that share its work, and makes their callbacks due; answers their names and its own."""
        lead = db.execute("SELECT * FROM jobs WHERE seq = ?", (seq,)).fetchone()
        if lead is None or lead["state"] not in ("completed", "failed"):
            return []
        db.execute(
            "UPDATE jobs SET state = ?, progress = ?, seconds = ?, error = ?, error_code = ?, ended_at = ?,"
            " started_at = COALESCE(started_at, ?) WHERE work = ? AND state NOT IN ('completed', 'failed')",
            (
                lead["state"],
                lead["progress"],
                lead["seconds"],
                lead["error"],
                lead["error_code"],
                lead["ended_at"],
                lead["started_at"],
                seq,
            ),
        )
        rows = db.execute(
            "SELECT * FROM jobs WHERE (seq = ? OR work = ?) AND state IN ('completed', 'failed')", (seq, seq)
        ).fetchall()
        for row in rows:
            body = {
                "type": f"transcription.{row['state']}",
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row["ended_at"])),
                "data": {"job_id": row["id"], "status": row["state"], "error": row["error"]},
            }
            db.execute(
                "UPDATE callbacks SET body = ?, due_at = ? WHERE job = ? AND body IS NULL",
                (json.dumps(body), time.time(), row["id"]),
            )
        return [row["id"] for row in rows]

    def give_back(self, seqs: Sequence[int]) -> None:
        """They wait again: nothing that happened was theirs."""
        with self._change() as db:
            for seq in seqs:
                db.execute("UPDATE jobs SET state = 'queued' WHERE seq = ? AND state = 'processing'", (seq,))

    def died(self, seqs: Sequence[int]) -> list[int]:
        """The model's process ended over these: they go alone next time. Answers those that ended it too often alone."""
        with self._change() as db:
            for seq in seqs:
                db.execute(
                    "UPDATE jobs SET state = 'queued', deaths = deaths + alone, alone = 1"
                    " WHERE seq = ? AND state = 'processing'",
                    (seq,),
                )
            marks = ",".join("?" * len(seqs))
            rows = db.execute(f"SELECT seq FROM jobs WHERE seq IN ({marks}) AND deaths >= ?", (*seqs, MAX_DEATHS))  # noqa: S608
            return [int(row["seq"]) for row in rows]

    def due_callbacks(self) -> list[Callback]:
        """Callbacks to make now."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, job, url, body, attempts FROM callbacks WHERE due_at <= ? ORDER BY due_at LIMIT 20",
                (time.time(),),
            )
            return [Callback(*row) for row in rows]

    def called(self, callback: Callback, said: str, next_at: float | None) -> None:
        """Notes an attempt, and when the next one is; None: never."""
        with self._change() as db:
            db.execute(
                "UPDATE callbacks SET attempts = attempts + 1, said = ?, due_at = ? WHERE id = ?",
                (said[:200], next_at, callback.id),
            )

    def forget(self, before: float) -> int:
        """Removes what ended before this time, with its result; answers how many jobs that were."""
        with self._change() as db:
            gone = db.execute("SELECT seq, id FROM jobs WHERE ended_at < ?", (before,)).fetchall()
            for row in gone:
                db.execute("DELETE FROM jobs WHERE seq = ?", (row["seq"],))
                db.execute("DELETE FROM callbacks WHERE job = ?", (row["id"],))
            used = {row[0] for row in db.execute("SELECT COALESCE(work, seq) FROM jobs WHERE state = 'completed'")}
        for row in gone:
            if row["seq"] not in used:
                self.result_path(row["seq"]).unlink(missing_ok=True)
        return len(gone)
