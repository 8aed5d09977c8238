"""`work`: the worker of a cloud stage. Reads queues, writes rows and result files.

States: load the model -> report ready to the run -> serve lanes while a run holds the machine -> report drained after
`idle_seconds` without work -> wait for the next run -> switch the machine off, once a stop is decided or the machine has not
been needed for `unheld_seconds`.

Gotchas:
- Only this thread sends heartbeats and renews leases, on progress or while idle: both stop when the worker hangs.
- The `wanted` counter is read *before* the last check of the lanes, so that a request made during the check counts as new.
- After SIGTERM nothing is claimed; work that is not committed by the next step is released and costs no attempt.
- A failure of AWS ends nothing: the worker waits, settles its claims and goes on. It costs no attempt.
- A fault of the machine (disk full, no decoder) is reported to the run and costs no attempt.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from typing import Final

import structlog

from gpu_worker.cloud.crash_points import reach
from gpu_worker.cloud.machine.power import power_off
from gpu_worker.cloud.stage.aws import AWS_ERRORS, is_transient, tolerated
from gpu_worker.cloud.stage.claims import Claim
from gpu_worker.cloud.stage.lanes import QueueMessage
from gpu_worker.cloud.work.batch import Batches
from gpu_worker.cloud.work.context import WorkContext
from gpu_worker.cloud.work.files import Files
from gpu_worker.cloud.work.items import Item, MachineFault
from gpu_worker.cloud.work.unsettled import Unsettled
from gpu_worker.memory import peak_mb

log = structlog.get_logger()

RECEIVE_WAIT_SECONDS: Final = 1
RECORDING_CHECK_SECONDS: Final = 1.0
"""While a part of a file is transcribed, the lanes of recordings are checked this often."""
LONGEST_PAUSE_SECONDS: Final = 16.0
"""Between two tries while AWS fails. Shorter than the time without a heartbeat after which a run gives the machine up."""


class Worker:
    """The work of one process; a signal handler may set `stop`."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context
        on_gpu = context.engines.own.on_gpu
        self._chunks_at_once = context.settings.chunks_at_once or (8 if on_gpu else 2)
        self._parts_at_once = 2 if on_gpu else 1
        self._files = Files(context.rows, context.lanes, context.objects, context.settings.lease_seconds)
        self._unsettled = Unsettled(context.rows, context.lanes)
        self._batches = Batches(context, self._unsettled, self._files.poll, self._serve_recordings)
        self._recordings_checked_at = 0.0
        self._worked_at = self._needed_at = time.monotonic()
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
            with tolerated("settle"):
                self._unsettled.settle()

    def _serve(self) -> None:
        failures = 0
        while not self._context.stop.is_set():
            try:
                if self._serve_once():
                    return
                failures = 0
            except AWS_ERRORS as error:
                if not is_transient(error):
                    raise
                log.warning("AWS failed", error=str(error))
                self._context.stop.wait(min(LONGEST_PAUSE_SECONDS, 2.0**failures))
                failures += 1

    def _serve_once(self) -> bool:
        """Receives and processes messages once. Returns whether this process has nothing more to do."""
        settings, tokens = self._context.settings, self._context.tokens
        self._unsettled.settle()
        tokens.refresh()
        if tokens.is_needed:
            self._needed_at = time.monotonic()
        if tokens.stop_decided or time.monotonic() - self._needed_at > settings.unheld_seconds:
            power_off(settings, "a stop was decided" if tokens.stop_decided else "no run or admin needs it")
            return True
        if not tokens.held:
            self._worked_at = time.monotonic()
            self._context.stop.wait(RECEIVE_WAIT_SECONDS)
            return False
        try:
            has_worked = self._work_once()
        except MachineFault as fault:
            tokens.failed(fault.error, str(fault))
            raise
        if has_worked and self._files.is_idle and self._is_due_for_restart():
            return True
        if time.monotonic() - self._worked_at > settings.idle_seconds:
            self._report_drained()
        tokens.heartbeat()
        return False

    def _work_once(self) -> bool:
        """Claims and processes what waits in the lanes; returns whether that was any chunk."""
        self._check_disk()
        waiting = self._files.dequeue()
        wait_s = 0 if waiting else RECEIVE_WAIT_SECONDS
        messages = self._context.lanes.receive(
            self._chunks_at_once, wait_s, backlog=self._context.gate.is_open(), max_file_messages=self._parts_at_once
        )
        items = self._claim([*waiting, *messages])
        if items:
            self._process(items)
        self._files.poll()
        if items or not self._files.is_idle:
            self._worked_at = time.monotonic()
        return bool(items)

    def _check_disk(self) -> None:
        free_mb = shutil.disk_usage(tempfile.gettempdir()).free / 1024**2
        if free_mb < self._context.settings.min_free_disk_mb:
            raise MachineFault("DiskFull", f"only {free_mb:.0f} MB are free for uploaded files")

    def _is_due_for_restart(self) -> bool:
        """Whether a new process is due. Memory growth is measured from the first batch."""
        settings, memory = self._context.settings, peak_mb()
        self._first_mb = self._first_mb or memory
        grown = memory - self._first_mb
        is_due = self._batches.done >= settings.recycle_after_chunks or grown > settings.recycle_growth_mb
        if is_due:
            log.info("process is due for a restart", chunks=self._batches.done, grown_mb=round(grown))
        return is_due

    def _report_drained(self) -> None:
        tokens = self._context.tokens
        seen = tokens.wanted_seq()
        # Backlog that waits for the gate does not keep the machine: the batch will request one again.
        if self._context.lanes.all_empty(backlog=self._context.gate.is_open()):
            log.info("drained", seen_seq=seen)
            tokens.drained(seen)

    def _claim(self, messages: Sequence[QueueMessage]) -> list[Item]:
        """Claims chunks; starts cutting files, and returns the items to transcribe. If AWS fails, the rest is unsettled."""
        rows, lanes = self._context.rows, self._context.lanes
        self._context.claim_note.write([*self._held_messages(), *messages])
        items: list[Item] = []
        for number, message in enumerate(messages):
            if any(
                (held.session_id, held.chunk_number) == (message.session_id, message.chunk_number)
                for held in self._held_messages()
            ):
                # A second message for a claimed chunk.
                lanes.set_visibility(message, self._context.settings.lease_seconds)
                continue
            if message.is_source and not self._files.has_room:
                self._files.enqueue(message)
                continue
            try:
                claimed = rows.claim(message.session_id, message.chunk_number, message.backlog)
            except AWS_ERRORS as error:
                if not is_transient(error):
                    raise
                log.warning("AWS failed", call="claim", error=str(error))
                self._unsettled.add(messages[number:])
                break
            reach("claiming")
            if isinstance(claimed, Claim):
                item = Item(message, claimed, progress=claimed.progress)
                if claimed.is_source:
                    self._files.start(item)
                else:
                    items.append(item)
            elif claimed.retry_in_s is None:
                lanes.delete(message)
            else:
                lanes.set_visibility(message, claimed.retry_in_s)
        return items

    def _held_messages(self) -> list[QueueMessage]:
        return [item.message for item in (*self._batches.open, *self._files.items)] + self._unsettled.messages

    def _process(self, items: Sequence[Item]) -> None:
        self._batches.process(items)
        self._context.claim_note.write(self._held_messages())

    def _serve_recordings(self) -> None:
        """Transcribes chunks of the recording lanes between two batches of a file part."""
        if time.monotonic() - self._recordings_checked_at < RECORDING_CHECK_SECONDS:
            return
        self._recordings_checked_at = time.monotonic()
        with tolerated("recordings"):
            messages = self._context.lanes.receive_recordings(self._chunks_at_once)
            items = self._claim(messages) if messages else []
            if items:
                self._process(items)
        self._recordings_checked_at = time.monotonic()
