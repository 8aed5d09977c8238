"""The service's jobs in SQLite. They survive kill -9, and each content is transcribed once.

States: `queued` -> `processing` -> `completed` | `failed`. A restart or the end of the model process requeues jobs.

Gotchas:
- A job whose content another job has transcribed or will transcribe shares its work: `work` is the number of that job.
- Files are named by the job's number, which is generated here. A client's job_id is only stored in a column.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gpu_worker.service.queue.disk_full import as_disk_full
from gpu_worker.service.queue.durable import sync_folder
from gpu_worker.service.queue.job_rows import SCHEMA, Callback, Job, JobIdTaken, QueueFull, job_of
from gpu_worker.service.queue.known_speakers import SUFFIX, delete_upload, speakers_file
from gpu_worker.service.queue.results import Result

MAX_DEATHS: Final = 2
"""Model processes that may die while they transcribe a job alone."""
SMALL_BYTES: Final = 2 * 1024**2
"""Largest file that may be transcribed together with others."""


class Jobs:
    """The queue in its folder; all methods are thread-safe."""

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
        self._add_new_columns()
        # A second connection: readers do not wait for writers, which wait for the disk.
        self._reading = threading.Lock()
        self._reader = sqlite3.connect(folder / "jobs.sqlite", check_same_thread=False, isolation_level=None)
        self._reader.row_factory = sqlite3.Row
        self._recover()

    def _add_new_columns(self) -> None:
        """Upgrades a queue of an older version, which has no column `deferrals`."""
        columns = {row["name"] for row in self._db.execute("PRAGMA table_info(callbacks)")}
        if "deferrals" not in columns:
            self._db.execute("ALTER TABLE callbacks ADD COLUMN deferrals INTEGER NOT NULL DEFAULT 0")

    def close(self) -> None:
        """Closes the connections."""
        with self._lock, self._reading:
            self._db.close()
            self._reader.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # when the disk is full, SQLite has rolled back by itself
                    self._db.execute("ROLLBACK")
                raise

    def _recover(self) -> None:
        """After a start: requeues interrupted jobs, and deletes uploads that belong to no job."""
        self.requeue_all()
        with self._transaction() as db:
            known = {row["seq"] for row in db.execute("SELECT seq FROM jobs WHERE state = 'queued'")}
        for path in self._uploads.iterdir():
            number = path.name.removesuffix(SUFFIX)
            if not (number.isdigit() and int(number) in known):
                path.unlink()

    def new_upload(self) -> Path:
        """A new path for an upload that does not belong to a job yet."""
        return self._uploads / f"new-{uuid.uuid4().hex}"

    def upload_path(self, job: Job) -> Path:
        """Path of the job's audio."""
        return self._uploads / str(job.seq)

    def result_path(self, seq: int) -> Path:
        """Path of the transcript of the job with this number, JSON."""
        return self._results / f"{seq}.json"

    def result_of(self, job: Job) -> Result:
        """Reads the transcript of a completed job."""
        result: Result = json.loads(self.result_path(job.result_of).read_text())
        return result

    def add(
        self,
        upload: Path,
        *,
        requested_id: str | None,
        filename: str,
        size_bytes: int,
        model: str,
        options: Mapping[str, str | None],
        content: str,
        urgent: bool,
        callback_url: str | None,
    ) -> Job:
        """Adds a job for an upload; returns the existing job if `requested_id` and content are the same.

        Args:
            upload: Path of the uploaded file, whose content is on the disk; it is moved or deleted, with its known speakers.
            requested_id: The client's job_id; None: generate one.
            filename: The client's file name.
            size_bytes: Size of the file.
            model: Name of the model.
            options: Options of the request.
            content: Key of the bytes, model, options, known speakers and engine version.
            urgent: Whether it has priority.
            callback_url: Where to report its end; None: nowhere.

        Raises:
            QueueFull: The limit of queued jobs is reached.
            JobIdTaken: The client's job_id belongs to a job with other content.
            DiskFull: The disk is full.
        """
        with as_disk_full(), self._moved_back_on_error(upload) as move, self._transaction() as db:
            existing = db.execute("SELECT * FROM jobs WHERE id = ?", (requested_id,)).fetchone()
            if existing is not None:
                if existing["content"] != content:
                    raise JobIdTaken
                delete_upload(upload)
                return job_of(existing)
            work = self._existing_work(db, content)
            waiting = db.execute("SELECT COUNT(*) FROM jobs WHERE state = 'queued' AND work IS NULL").fetchone()[0]
            if work is None and waiting >= self._max_queue:
                raise QueueFull
            job_id = requested_id or f"job_{uuid.uuid4().hex}"
            cursor = db.execute(
                "INSERT INTO jobs (id, state, urgent, filename, size_bytes, model, wishes, content, work, created_at)"
                " VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    urgent,
                    filename,
                    size_bytes,
                    model,
                    json.dumps(options),
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
                move(seq)
            else:
                delete_upload(upload)
                self._propagate_end(db, work["seq"])
            return job_of(db.execute("SELECT * FROM jobs WHERE seq = ?", (seq,)).fetchone())

    @contextmanager
    def _moved_back_on_error(self, upload: Path) -> Iterator[Callable[[int], None]]:
        """Yields a function that moves the upload to the job's path; on an error the move is undone."""
        moved: list[tuple[Path, Path]] = []

        def move(seq: int) -> None:
            path = self._uploads / str(seq)
            for source, target in ((upload, path), (speakers_file(upload), speakers_file(path))):
                if source.exists():
                    moved.append((source.rename(target), source))
            sync_folder(self._uploads)  # before the commit: a committed job has its upload

        try:
            yield move
        except BaseException:
            for target, source in moved:
                target.rename(source)
            raise

    def _existing_work(self, db: sqlite3.Connection, content: str) -> sqlite3.Row | None:
        """The job that has transcribed or will transcribe this content; None if there is none."""
        found = db.execute(
            "SELECT * FROM jobs WHERE content = ? AND work IS NULL AND state <> 'failed' ORDER BY seq DESC LIMIT 1",
            (content,),
        ).fetchone()
        if found is not None and found["state"] == "completed" and not self.result_path(found["seq"]).exists():
            return None
        row: sqlite3.Row | None = found
        return row

    def get(self, job_id: str) -> Job | None:
        """The job with this job_id; None if there is none."""
        with self._reading:
            row = self._reader.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else job_of(row)

    def newest(self, limit: int) -> list[Job]:
        """The newest jobs, newest first."""
        with self._reading:
            rows = self._reader.execute("SELECT * FROM jobs ORDER BY seq DESC LIMIT ?", (limit,))
            return [job_of(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Number of jobs in each state."""
        with self._reading:
            return {row[0]: row[1] for row in self._reader.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state")}

    def claim(self, limit: int) -> list[Job]:
        """Claims the jobs to transcribe next: the first in the queue, and small ones with the same model and options."""
        with self._transaction() as db:
            rows = db.execute(
                "SELECT * FROM jobs WHERE state = 'queued' AND work IS NULL ORDER BY urgent DESC, seq LIMIT ?", (limit * 4,)
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
                group += alike[: limit - 1]
            now = time.time()
            for row in group:
                db.execute(
                    "UPDATE jobs SET state = 'processing', started_at = COALESCE(started_at, ?) WHERE seq = ?",
                    (now, row["seq"]),
                )
        return [job_of(row) for row in group]

    def set_progress(self, seq: int, progress: float) -> None:
        """Stores a job's progress, 0 to 1; it never decreases."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET progress = MAX(progress, ?)"
                " WHERE (seq = ? OR work = ?) AND state IN ('queued', 'processing')",
                (min(0.99, progress), seq, seq),
            )

    def complete(self, seq: int, seconds: float) -> list[str]:
        """Marks a job as completed after its result was written; returns the job_ids of all jobs that have ended."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET state = 'completed', progress = 1, seconds = ?, ended_at = ?"
                " WHERE seq = ? AND state <> 'failed'",
                (seconds, time.time(), seq),
            )
            job_ids = self._propagate_end(db, seq)
        delete_upload(self._uploads / str(seq))
        return job_ids

    def fail(self, seq: int, error: str, code: str) -> list[str]:
        """Marks a job as failed; returns the job_ids of all jobs that have ended."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET state = 'failed', error = ?, error_code = ?, ended_at = ?"
                " WHERE seq = ? AND state <> 'completed'",
                (error[:500], code, time.time(), seq),
            )
            job_ids = self._propagate_end(db, seq)
        delete_upload(self._uploads / str(seq))
        return job_ids

    def _propagate_end(self, db: sqlite3.Connection, seq: int) -> list[str]:
        """Copies a job's end to the jobs that share its work, and makes their callbacks due; returns all job_ids."""
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

    def requeue(self, seqs: Sequence[int]) -> None:
        """Returns these jobs to the queue without counting a death."""
        with self._transaction() as db:
            for seq in seqs:
                db.execute("UPDATE jobs SET state = 'queued' WHERE seq = ? AND state = 'processing'", (seq,))

    def requeue_all(self) -> None:
        """Returns all interrupted jobs to the queue."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'processing'")

    def record_deaths(self, seqs: Sequence[int]) -> list[int]:
        """Requeues jobs whose model process died; each is transcribed alone from now on.

        Returns:
            Numbers of the jobs that have died alone MAX_DEATHS times.
        """
        with self._transaction() as db:
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
        """Callbacks that are due, at most 20."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, job, url, body, attempts, deferrals FROM callbacks WHERE due_at <= ? ORDER BY due_at LIMIT 20",
                (time.time(),),
            )
            return [Callback(*row) for row in rows]

    def record_attempt(self, callback: Callback, result: str, next_at: float | None, deferrals: int) -> None:
        """Records an attempt. `next_at`: Unix time of the next one; None: no further attempt."""
        with self._transaction() as db:
            db.execute(
                "UPDATE callbacks SET attempts = attempts + 1, said = ?, due_at = ?, deferrals = ? WHERE id = ?",
                (result[:200], next_at, deferrals, callback.id),
            )

    def delete_ended(self, before: float) -> int:
        """Deletes jobs that ended before this Unix time, and results that no other job uses; returns the number of jobs."""
        with self._transaction() as db:
            gone = db.execute("SELECT seq, id FROM jobs WHERE ended_at < ?", (before,)).fetchall()
            for row in gone:
                db.execute("DELETE FROM jobs WHERE seq = ?", (row["seq"],))
                db.execute("DELETE FROM callbacks WHERE job = ?", (row["id"],))
            used = {row[0] for row in db.execute("SELECT COALESCE(work, seq) FROM jobs WHERE state = 'completed'")}
        for row in gone:
            if row["seq"] not in used:
                self.result_path(row["seq"]).unlink(missing_ok=True)
        return len(gone)
