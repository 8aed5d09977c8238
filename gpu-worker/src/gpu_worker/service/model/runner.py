"""Processes the queue with one model process, which gets the next jobs when it has finished the last.

States: no process -> loading (ModelNotReady: retry after RETRY_SECONDS) -> idle <-> working -> ended.

Gotchas:
- When the process dies, its jobs are requeued, each alone from now on. A job that ends two processes alone has failed.
- A process that sends nothing for `hang_seconds` hangs, and is killed.
- Between two jobs the process is replaced if its memory has grown by `recycle_growth_mb`, or if it has loaded another model
  that is no longer requested.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from gpu_worker.service.model import lines
from gpu_worker.service.queue.disk_full import DiskFull
from gpu_worker.service.queue.job_rows import Job
from gpu_worker.service.queue.jobs import Jobs
from gpu_worker.service.settings import ServeSettings
from gpu_worker.speech.options import Options

log = structlog.get_logger()

LOAD_SECONDS: Final = 1800.0
"""Limit for loading, which may include a download."""
RETRY_SECONDS: Final = 15.0
"""Delay after a failed load or a full disk, which may be temporary."""
IDLE_WAIT_SECONDS: Final = 0.5
MIN_PROGRESS: Final = 0.01
"""Smallest progress that is stored."""
ENDED_TWICE: Final = "the model process ended twice while transcribing only this file"


class Listener(Protocol):
    """Observer of jobs; called by the runner's thread."""

    def transcribed(self, seq: int, texts: Sequence[str]) -> None:
        """These segments of the job were transcribed."""

    def ended(self, job_ids: Sequence[str]) -> None:
        """These jobs have ended."""


class ModelNotReady(Exception):
    """The model process cannot load its model."""


class ProcessDied(Exception):
    """The model process has ended or hangs."""


@dataclass
class Figures:
    """Totals since the service started, and the peak memory of the model process."""

    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    memory_mb: float = 0.0
    restarts: int = 0


class ModelProcess:
    """The model process, as the runner sees it (engine_process.py is the child)."""

    def __init__(self, settings: ServeSettings) -> None:
        self._hang_seconds = settings.hang_seconds
        env = {name: value for name, value in os.environ.items() if name != "SERVICE_TOKEN"}
        env["PYTHONPATH"] = str(Path(__file__).parents[3])
        for name in ("model", "model_name", "device", "compute_type", "batch_windows", "cpu_threads", "speaker_model"):
            env[name.upper()] = str(getattr(settings, name))
        self._child = subprocess.Popen(
            [sys.executable, "-m", "gpu_worker.service.model.engine_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            start_new_session=True,  # Ctrl+C reaches the service only; this process ends when its input closes
        )
        self.name = ""
        self.on_gpu = False
        self.first_mb = 0.0
        self.last_mb = 0.0

    def wait_until_ready(self) -> None:
        """Waits until the model is loaded. Raises ModelNotReady, ProcessDied."""
        line = self._read(LOAD_SECONDS)
        if not isinstance(line, lines.Ready):
            self.end()
            raise ModelNotReady(line.reason if isinstance(line, lines.NotReady) else "the model process does not start")
        self.name, self.on_gpu = line.model, line.on_gpu

    def work(self, orders: Sequence[lines.Order], on_line: Callable[[lines.JobLine], None]) -> None:
        """Processes jobs; calls `on_line` with each line about a job. Raises ProcessDied, DiskFull."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(lines.REQUEST.dump_json(tuple(orders)) + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise ProcessDied("the model process has ended") from error
        while True:
            line = self._read(self._hang_seconds)
            match line:
                case lines.Idle(memory_mb):
                    self.last_mb = memory_mb
                    self.first_mb = self.first_mb or self.last_mb
                    return
                case lines.FullDisk():
                    raise DiskFull
                case lines.Progress() | lines.Transcribed() | lines.Completed() | lines.Failed():
                    on_line(line)

    def _read(self, timeout_s: float) -> lines.Line:
        assert self._child.stdout is not None
        watchdog = threading.Timer(timeout_s, self._child.kill)
        watchdog.start()
        raw = self._child.stdout.readline()
        watchdog.cancel()
        if not raw:
            self._child.wait()
            raise ProcessDied(f"the model process has ended ({self._child.returncode})")
        return lines.RESPONSE.validate_json(raw)

    def end(self) -> None:
        """Kills the process."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()


class Runner:
    """The thread that processes the queue."""

    def __init__(self, settings: ServeSettings, jobs: Jobs, listener: Listener) -> None:
        self._settings = settings
        self._jobs = jobs
        self._listener = listener
        self._stop = threading.Event()
        self._more = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)
        self._model: ModelProcess | None = None
        self._other_used_at: float | None = None
        self._must_requeue = False
        self.figures = Figures()
        self.model_name: str | None = None
        """The loaded model; None while there is none."""
        self.load_error: str | None = None
        """Why the model cannot be loaded; None if it can."""

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Signals that there may be new jobs."""
        self._more.set()

    def stop(self) -> None:
        """Stops at once. Jobs in progress are requeued at the next start."""
        self._stop.set()
        self._more.set()
        if self._model is not None:
            self._model.end()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._must_requeue:
                    self._jobs.requeue_all()
                    self._must_requeue = False
                self._run_next(self._ready())
            except ModelNotReady as error:
                self.load_error = str(error)
                log.error("the model cannot be loaded", error=str(error))
                self._end_model()
                self._stop.wait(RETRY_SECONDS)
            except DiskFull:
                log.error("the disk is full: no transcript can be written")
                self._end_model()
                self._stop.wait(RETRY_SECONDS)
            except ProcessDied as error:
                if not self._stop.is_set():
                    log.error("the model process has ended", error=str(error))
                    self.figures.restarts += 1
                self._end_model()
            except Exception:  # the thread must survive: without it the queue stands still
                log.exception("unexpected error in the runner")
                self._must_requeue = True
                self._end_model()
                self._stop.wait(1)

    def _ready(self) -> ModelProcess:
        if self._model is None:
            self._model = ModelProcess(self._settings)
            self._model.wait_until_ready()
            self.model_name, self.load_error = self._model.name, None
        return self._model

    def _end_model(self) -> None:
        model, self._model = self._model, None
        self.model_name = None
        self._other_used_at = None
        if model is not None:
            model.end()

    def _run_next(self, model: ModelProcess) -> None:
        group = self._jobs.claim(self._settings.jobs_at_once or (8 if model.on_gpu else 2))
        if not group:
            self._unload_idle_model(model)
            self._more.wait(IDLE_WAIT_SECONDS)
            self._more.clear()
            return
        open_seqs = {job.seq for job in group}
        reached: dict[int, float] = {}
        began = time.monotonic()
        if group[0].model != model.name:
            self._other_used_at = began

        def on_line(line: lines.JobLine) -> None:
            match line:
                case lines.Progress(seq, progress):
                    if progress - reached.get(seq, 0.0) >= MIN_PROGRESS:
                        reached[seq] = progress
                        self._jobs.set_progress(seq, progress)
                case lines.Transcribed(seq, texts):
                    self._listener.transcribed(seq, texts)
                case lines.Failed(seq, error, code):
                    open_seqs.discard(seq)
                    self._listener.ended(self._jobs.fail(seq, error, code))
                case lines.Completed(seq, seconds):
                    open_seqs.discard(seq)
                    self.figures.audio_seconds += seconds
                    self._listener.ended(self._jobs.complete(seq, seconds))

        try:
            model.work([self._order(job) for job in group], on_line)
        except ProcessDied:
            if self._stop.is_set():
                self._jobs.requeue(sorted(open_seqs))
            else:
                for seq in self._jobs.record_deaths(sorted(open_seqs)):
                    self._listener.ended(self._jobs.fail(seq, ENDED_TWICE, "failed"))
            raise
        except DiskFull:
            self._jobs.requeue(sorted(open_seqs))
            raise
        self._jobs.requeue(sorted(open_seqs))
        self.figures.work_seconds += time.monotonic() - began
        self.figures.memory_mb = model.last_mb
        if model.last_mb - model.first_mb > self._settings.recycle_growth_mb:
            log.info("the model process is replaced", grown_mb=round(model.last_mb - model.first_mb))
            self._end_model()

    def _unload_idle_model(self, model: ModelProcess) -> None:
        """Unloads other models that were not requested for `unload_seconds`."""
        unload = self._settings.unload_seconds
        if self._other_used_at is not None and unload and time.monotonic() - self._other_used_at > unload:
            log.info("other models are unloaded", own=model.name)
            self._end_model()

    def _order(self, job: Job) -> lines.Order:
        path, result = self._jobs.upload_path(job), self._jobs.result_path(job.seq)
        return lines.Order(job.seq, path, result, job.model, Options(**job.options))
