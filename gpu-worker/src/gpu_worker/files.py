"""Whole files that this worker cuts into parts, beside what it transcribes; looked after by the worker's own thread."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from gpu_worker.chunk_rows import ChunkRows, LeaseLost
from gpu_worker.crash_points import reach
from gpu_worker.items import Failure, Item, MachineFault, fail, passes
from gpu_worker.lanes import Hint, Lanes
from gpu_worker.media import MediaError
from gpu_worker.objects import Objects
from gpu_worker.preparation import Preparation, Prepared, is_machines_fault

log = structlog.get_logger()

AT_ONCE: Final = 2
WAITING: Final = 10
"""Files that wait here for room; more are another machine's, or come again."""
SHOWN_AGAIN_SECONDS: Final = 10.0
RENEW_SECONDS: Final = 2.0


@dataclass
class _File:
    item: Item
    preparation: Preparation
    renewed_at: float = field(default_factory=time.monotonic)
    progress: float = 0.0


class Files:
    """At most AT_ONCE files; everything but the preparations themselves happens in the caller's thread."""

    def __init__(self, rows: ChunkRows, lanes: Lanes, objects: Objects, lease_s: float) -> None:
        self._rows = rows
        self._lanes = lanes
        self._objects = objects
        self._lease_s = lease_s
        self._renew_s = min(RENEW_SECONDS, lease_s / 4)
        self._files: list[_File] = []
        self._waiting: list[Hint] = []
        self._kept_at = 0.0

    @property
    def items(self) -> list[Item]:
        """What is in hand."""
        return [file.item for file in self._files]

    @property
    def has_room(self) -> bool:
        """Whether another file may be taken."""
        return len(self._files) < AT_ONCE

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do, and nothing that waits."""
        return not self._files and not self._waiting

    def keep(self, hint: Hint) -> None:
        """Has a file wait for room: its message stays hidden."""
        if len(self._waiting) < WAITING:
            self._waiting.append(hint)
        else:
            self._lanes.show_again(hint, SHOWN_AGAIN_SECONDS)

    def next(self) -> list[Hint]:
        """Files that there is room for now."""
        room = AT_ONCE - len(self._files)
        ready, self._waiting = self._waiting[:room], self._waiting[room:]
        return ready

    def take(self, item: Item) -> None:
        """Begins to prepare a claimed file."""
        self._files.append(_File(item, Preparation(item.claim, self._objects)))

    def look(self) -> None:
        """Renews what moves, and brings what has ended to its end.

        Raises:
            MachineFault: a file met this machine's fault; it is given back.
        """
        if self._waiting and time.monotonic() - self._kept_at > self._lease_s / 3:
            self._kept_at = time.monotonic()
            for hint in self._waiting:
                self._lanes.show_again(hint, self._lease_s)
        for file in list(self._files):
            outcome = file.preparation.outcome
            if outcome is not None:
                self._files.remove(file)
                self._end(file.item, outcome)
            elif file.preparation.progress > file.progress and time.monotonic() - file.renewed_at >= self._renew_s:
                self._renew(file)

    def give_back(self) -> None:
        """Lets go of everything; no attempt is lost."""
        for file in self._files:
            file.preparation.cancel()
            self._rows.release(file.item.claim)
            self._lanes.show_again(file.item.hint, 0)
        for hint in self._waiting:
            self._lanes.show_again(hint, 0)
        self._files, self._waiting = [], []

    def _renew(self, file: _File) -> None:
        file.renewed_at, file.progress = time.monotonic(), file.preparation.progress
        try:
            self._rows.renew(file.item.claim, file.progress)
            self._lanes.show_again(file.item.hint, self._lease_s)
        except LeaseLost:
            log.warning("file is nobody's or another's", job_id=file.item.claim.session_id)
            self._files.remove(file)
            file.preparation.cancel()

    def _end(self, item: Item, outcome: Prepared | Exception) -> None:
        reach("prepared")
        if isinstance(outcome, Prepared):
            try:
                self._rows.commit(item.claim, outcome.manifest_key, "", outcome.seconds, reused=True)
                log.info("file prepared", job_id=item.claim.session_id, audio_seconds=outcome.seconds)
                self._lanes.done(item.hint)
            except LeaseLost:
                log.warning("lease lost", job_id=item.claim.session_id)
            return
        if isinstance(outcome, MediaError):
            fail(self._rows, self._lanes, item, Failure(f"unsupported-media: {outcome}", permanent=True))
        elif isinstance(outcome, (ClientError, BotoCoreError)):
            log.error("file not fetched", job_id=item.claim.session_id, error=str(outcome))
            reason = "the uploaded file could not be read from storage"
            fail(self._rows, self._lanes, item, Failure(reason, permanent=False, passes=passes(outcome)))
        elif is_machines_fault(outcome):
            self._rows.release(item.claim)
            self._lanes.show_again(item.hint, 0)
            raise MachineFault("DiskFull", str(outcome))
        else:
            log.error("file not prepared", job_id=item.claim.session_id, error=str(outcome))
            fail(self._rows, self._lanes, item, Failure("the file could not be cut into parts", permanent=False))
