"""`work`: the worker of a cloud stage. Reads queues, writes rows and result files.

States: load the model -> report ready to the run -> serve lanes while a run holds the machine -> report drained after
`idle_seconds` without work -> wait for the next run -> switch the machine off, once a stop is decided or the machine has not
been needed for `unheld_seconds`.

Gotchas:
- Only this thread sends heartbeats and renews leases, on progress or while idle: both stop when the worker hangs.
- The `wanted` counter is read *before* the last check of the lanes, so that a request made during the check counts as new.
- After SIGTERM nothing is claimed; work that is not committed by the next step is released and costs no attempt.
- A fault of the machine (disk full, no decoder) is reported to the run and costs no attempt.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import Final

import structlog

from gpu_worker.batch import Batches
from gpu_worker.chunk_rows import ChunkRows
from gpu_worker.claim_note import ClaimNote
from gpu_worker.claims import Claim
from gpu_worker.crash_points import reach
from gpu_worker.engine import Engines
from gpu_worker.files import Files
from gpu_worker.gate import Gate
from gpu_worker.items import Item, MachineFault
from gpu_worker.lanes import Lanes, QueueMessage
from gpu_worker.loading import Loader
from gpu_worker.media import Decoder
from gpu_worker.memory import peak_mb
from gpu_worker.objects import Objects
from gpu_worker.run_tokens import RunTokens
from gpu_worker.session_language import SessionLanguages
from gpu_worker.settings import WorkSettings
from gpu_worker.speakers import SpeakerModel

log = structlog.get_logger()

RECEIVE_WAIT_SECONDS: Final = 1
RECORDING_CHECK_SECONDS: Final = 1.0
"""While a part of a file is transcribed, the lanes of recordings are checked this often."""


class Worker:
    """The work of one process; a signal handler may set `stop`."""

    def __init__(
        self,
        settings: WorkSettings,
        engines: Engines,
        rows: ChunkRows,
        lanes: Lanes,
        objects: Objects,
        tokens: RunTokens,
        decoder: Decoder,
        claim_note: ClaimNote,
        gate: Gate,
        stop: threading.Event,
        session_languages: SessionLanguages,
        speakers: SpeakerModel | None = None,
    ) -> None:
        self._settings = settings
        self._rows = rows
        self._lanes = lanes
        self._tokens = tokens
        self._stop = stop
        self._claim_note = claim_note
        self._gate = gate
        self._chunks_at_once = settings.chunks_at_once or (8 if engines.own.on_gpu else 2)
        self._parts_at_once = 2 if engines.own.on_gpu else 1
        self._files = Files(rows, lanes, objects, settings.lease_seconds)
        self._batches = Batches(
            settings,
            engines,
            rows,
            lanes,
            objects,
            tokens,
            Loader(rows, objects, decoder, session_languages, engines.own.model_name),
            stop,
            session_languages,
            speakers,
            on_renewal=self._files.poll,
            between_parts=self._serve_recordings,
        )
        self._recordings_checked_at = 0.0
        self._first_mb = 0.0

    def run(self) -> None:
        """Serves until `stop` is set, a new process is due, or the machine is no longer needed.

        Raises:
            MachineFault: It was reported to the run, and all work is released.
        """
        try:
            self._serve()
        finally:
            self._files.release_all()

    def _serve(self) -> None:
        worked_at = needed_at = time.monotonic()
        while not self._stop.is_set():
            self._tokens.refresh()
            if self._tokens.is_needed:
                needed_at = time.monotonic()
            if self._tokens.stop_decided or time.monotonic() - needed_at > self._settings.unheld_seconds:
                power_off(self._settings, "a stop was decided" if self._tokens.stop_decided else "no run or admin needs it")
                return
            if not self._tokens.held:
                worked_at = time.monotonic()
                self._stop.wait(RECEIVE_WAIT_SECONDS)
                continue
            try:
                self._check_disk()
                waiting = self._files.dequeue()
                wait_s = 0 if waiting else RECEIVE_WAIT_SECONDS
                messages = self._lanes.receive(
                    self._chunks_at_once, wait_s, backlog=self._gate.is_open(), max_file_messages=self._parts_at_once
                )
                items = self._claim([*waiting, *messages])
                if items:
                    self._process(items)
                self._files.poll()
                if items or not self._files.is_idle:
                    worked_at = time.monotonic()
            except MachineFault as fault:
                self._tokens.failed(fault.error, str(fault))
                raise
            if items and self._files.is_idle and self._is_due_for_restart():
                return
            if time.monotonic() - worked_at > self._settings.idle_seconds:
                self._report_drained()
            self._tokens.heartbeat()

    def _check_disk(self) -> None:
        free_mb = shutil.disk_usage(tempfile.gettempdir()).free / 1024**2
        if free_mb < self._settings.min_free_disk_mb:
            raise MachineFault("DiskFull", f"only {free_mb:.0f} MB are free for uploaded files")

    def _is_due_for_restart(self) -> bool:
        """Whether a new process is due. Memory growth is measured from the first batch."""
        memory = peak_mb()
        self._first_mb = self._first_mb or memory
        grown = memory - self._first_mb
        is_due = self._batches.done >= self._settings.recycle_after_chunks or grown > self._settings.recycle_growth_mb
        if is_due:
            log.info("process is due for a restart", chunks=self._batches.done, grown_mb=round(grown))
        return is_due

    def _report_drained(self) -> None:
        seen = self._tokens.wanted_seq()
        # Backlog that waits for the gate does not keep the machine: the batch will request one again.
        if self._lanes.all_empty(backlog=self._gate.is_open()):
            log.info("drained", seen_seq=seen)
            self._tokens.drained(seen)

    def _claim(self, messages: Sequence[QueueMessage]) -> list[Item]:
        """Claims chunks; starts cutting files, and returns the items to transcribe."""
        self._claim_note.write([*self._held_messages(), *messages])
        items: list[Item] = []
        for message in messages:
            if any(
                (held.session_id, held.chunk_number) == (message.session_id, message.chunk_number)
                for held in self._held_messages()
            ):
                self._lanes.set_visibility(message, self._settings.lease_seconds)  # a second message for a claimed chunk
                continue
            if message.is_source and not self._files.has_room:
                self._files.enqueue(message)
                continue
            claimed = self._rows.claim(message.session_id, message.chunk_number, message.backlog)
            reach("claiming")
            if isinstance(claimed, Claim):
                item = Item(message, claimed, progress=claimed.progress)
                if claimed.is_source:
                    self._files.start(item)
                else:
                    items.append(item)
            elif claimed.retry_in_s is None:
                self._lanes.delete(message)
            else:
                self._lanes.set_visibility(message, claimed.retry_in_s)
        return items

    def _held_messages(self) -> list[QueueMessage]:
        return [item.message for item in (*self._batches.open, *self._files.items)]

    def _process(self, items: Sequence[Item]) -> None:
        self._batches.process(items)
        self._claim_note.write(self._held_messages())

    def _serve_recordings(self) -> None:
        """Transcribes chunks of the recording lanes between two batches of a file part."""
        if time.monotonic() - self._recordings_checked_at < RECORDING_CHECK_SECONDS:
            return
        self._recordings_checked_at = time.monotonic()
        messages = self._lanes.receive_recordings(self._chunks_at_once)
        items = self._claim(messages) if messages else []
        if items:
            self._process(items)
        self._recordings_checked_at = time.monotonic()


def power_off(settings: WorkSettings, why: str) -> None:
    """Switches this machine off."""
    log.warning("switching the machine off", why=why)
    subprocess.run(shlex.split(settings.poweroff_command), check=True)
