"""Whole files that this worker cuts into parts while it transcribes.

States of a file: queued (message received, no free slot) -> in preparation (claimed; see preparation.py) -> committed,
failed or released.

Gotchas:
- Only the preparation itself runs in another thread. The worker's thread renews leases and handles outcomes, in `poll`.
- A lease is renewed only after progress, so a preparation that hangs loses it.
- If AWS fails, the outcome is kept, and the next poll handles it again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

import structlog

from gpu_worker.cloud.crash_points import reach
from gpu_worker.cloud.stage.aws import AWS_ERRORS, is_transient, tolerated
from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.claims import LeaseLost
from gpu_worker.cloud.stage.lanes import Lanes, QueueMessage
from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.cloud.work.items import Failure, Item, MachineFault, fail
from gpu_worker.cloud.work.preparation import Preparation, Prepared, is_machine_fault
from gpu_worker.speech.media import MediaError

log = structlog.get_logger()

MAX_FILES: Final = 2
MAX_QUEUED: Final = 10
"""Files that may be queued here; the messages of others become visible again for any worker."""
REQUEUE_SECONDS: Final = 10.0
RENEW_SECONDS: Final = 2.0


@dataclass
class _File:
    item: Item
    preparation: Preparation
    renewed_at: float = field(default_factory=time.monotonic)
    progress: float = 0.0


class Files:
    """Up to MAX_FILES files in preparation, and a queue of messages."""

    def __init__(self, rows: ChunkRows, lanes: Lanes, objects: Objects, lease_s: float) -> None:
        self._rows = rows
        self._lanes = lanes
        self._objects = objects
        self._lease_s = lease_s
        self._renew_s = min(RENEW_SECONDS, lease_s / 4)
        self._files: list[_File] = []
        self._queued: list[QueueMessage] = []
        self._extended_at = 0.0

    @property
    def items(self) -> list[Item]:
        """The claimed files."""
        return [file.item for file in self._files]

    @property
    def has_room(self) -> bool:
        """Whether another file may be claimed."""
        return len(self._files) < MAX_FILES

    @property
    def is_idle(self) -> bool:
        """Whether no file is claimed or queued."""
        return not self._files and not self._queued

    def enqueue(self, message: QueueMessage) -> None:
        """Queues a file until there is a free slot; its message stays hidden."""
        if len(self._queued) < MAX_QUEUED:
            self._queued.append(message)
        else:
            self._lanes.set_visibility(message, REQUEUE_SECONDS)

    def dequeue(self) -> list[QueueMessage]:
        """Removes from the queue the messages for which there is a free slot."""
        free = MAX_FILES - len(self._files)
        ready, self._queued = self._queued[:free], self._queued[free:]
        return ready

    def start(self, item: Item) -> None:
        """Starts the preparation of a claimed file."""
        self._files.append(_File(item, Preparation(item.claim, self._objects)))

    def poll(self) -> None:
        """Renews the leases of files that have progressed, and handles those that have ended.

        Raises:
            MachineFault: The disk or memory of this machine is full; the file is released.
        """
        if self._queued and time.monotonic() - self._extended_at > self._lease_s / 3:
            self._extended_at = time.monotonic()
            for message in self._queued:
                self._lanes.set_visibility(message, self._lease_s)
        for file in list(self._files):
            outcome = file.preparation.outcome
            if outcome is not None:
                self._finish(file.item, outcome)
                self._files.remove(file)
            elif file.preparation.progress > file.progress and time.monotonic() - file.renewed_at >= self._renew_s:
                self._renew(file)

    def release_all(self) -> None:
        """Cancels and releases all files; costs no attempt."""
        for file in self._files:
            file.preparation.cancel()
            with tolerated("release"):
                self._rows.release(file.item.claim)
                self._lanes.set_visibility(file.item.message, 0)
        for message in self._queued:
            with tolerated("release"):
                self._lanes.set_visibility(message, 0)
        self._files, self._queued = [], []

    def _renew(self, file: _File) -> None:
        progress = file.preparation.progress
        try:
            self._rows.renew(file.item.claim, progress)
            file.renewed_at, file.progress = time.monotonic(), progress
            self._lanes.set_visibility(file.item.message, self._lease_s)
        except LeaseLost:
            log.warning("lease lost", job_id=file.item.claim.session_id)
            self._files.remove(file)
            file.preparation.cancel()

    def _finish(self, item: Item, outcome: Prepared | Exception) -> None:
        reach("prepared")
        if isinstance(outcome, Prepared):
            try:
                self._rows.commit(item.claim, outcome.manifest_key, "", outcome.seconds, reused=True)
                log.info("file prepared", job_id=item.claim.session_id, audio_seconds=outcome.seconds)
                self._lanes.delete(item.message)
            except LeaseLost:
                log.warning("lease lost", job_id=item.claim.session_id)
            return
        if isinstance(outcome, MediaError):
            fail(self._rows, self._lanes, item, Failure(f"unsupported-media: {outcome}", permanent=True))
        elif isinstance(outcome, AWS_ERRORS):
            log.error("file download failed", job_id=item.claim.session_id, error=str(outcome))
            reason = "the uploaded file could not be read from storage"
            fail(self._rows, self._lanes, item, Failure(reason, permanent=False, transient=is_transient(outcome)))
        elif is_machine_fault(outcome):
            self._rows.release(item.claim)
            self._lanes.set_visibility(item.message, 0)
            raise MachineFault("DiskFull", str(outcome))
        else:
            log.error("file preparation failed", job_id=item.claim.session_id, error=str(outcome))
            fail(self._rows, self._lanes, item, Failure("the file could not be cut into parts", permanent=False))
