"""Has the queue heard: one process with the model, which gets the next jobs when it has done the last.

What ends that process is nobody's loss: its jobs wait again, each alone from then on, and one that ends two processes
alone has failed. A process that says nothing for too long hangs, and is ended. One that has grown is replaced between two
jobs; one that holds a model nobody has asked for lately is replaced by one with the service's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from gpu_worker.service.jobs import Job, Jobs
from gpu_worker.service.settings import ServeSettings

log = structlog.get_logger()

LOAD_SECONDS: Final = 1800.0
"""A model may have to be downloaded first."""
RETRY_SECONDS: Final = 15.0
"""Wait after a model that could not be loaded: the disk may be full, the GPU somebody else's."""
IDLE_WAIT_SECONDS: Final = 0.5
LEAST_PROGRESS: Final = 0.01
"""Progress that is worth a write."""
DEADLY: Final = "the model's process ended twice while it heard nothing but this file"


class Listener(Protocol):
    """Who wants to know at once what happens to jobs; called from the runner's thread."""

    def heard(self, seq: int, texts: Sequence[str]) -> None:
        """Some segments of this job have their text."""

    def ended(self, names: Sequence[str]) -> None:
        """These jobs have ended."""


class NotReady(Exception):
    """The model cannot be loaded now."""


class Died(Exception):
    """The process with the model has ended, or hangs."""


@dataclass
class Figures:
    """What has been done since the service began."""

    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    memory_mb: float = 0.0
    restarts: int = 0


class Model:
    """Parent's side of the process with the model."""

    def __init__(self, settings: ServeSettings) -> None:
        self._hang_seconds = settings.hang_seconds
        env = {name: value for name, value in os.environ.items() if name != "SERVICE_TOKEN"}
        env["PYTHONPATH"] = str(Path(__file__).parents[2])
        for name in ("model", "model_name", "device", "compute_type", "batch_windows", "cpu_threads"):
            env[name.upper()] = str(getattr(settings, name))
        self._child = subprocess.Popen(
            [sys.executable, "-m", "gpu_worker.service.engine_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            start_new_session=True,  # Ctrl+C is the service's; without it, this process ends by the end of its input
        )
        self.name = ""
        self.on_gpu = False
        self.first_mb = 0.0
        self.last_mb = 0.0

    def wait_until_ready(self) -> None:
        """Raises NotReady or Died."""
        said = self._read(LOAD_SECONDS)
        if "not_ready" in said:
            self.end()
            raise NotReady(said["not_ready"])
        self.name, self.on_gpu = said["model"], said["on_gpu"]

    def work(self, orders: Sequence[dict[str, Any]], heard: Callable[[dict[str, Any]], None]) -> None:
        """Has these heard; `heard` gets each line that is said of a job. Raises Died."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps({"jobs": orders}).encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise Died("the model's process is gone") from error
        while True:
            said = self._read(self._hang_seconds)
            if "idle" in said:
                self.last_mb = said["memory_mb"]
                self.first_mb = self.first_mb or self.last_mb
                return
            if "seq" in said:
                heard(said)

    def _read(self, timeout_s: float) -> dict[str, Any]:
        assert self._child.stdout is not None
        watchdog = threading.Timer(timeout_s, self._child.kill)
        watchdog.start()
        line = self._child.stdout.readline()
        watchdog.cancel()
        if not line:
            self._child.wait()
            raise Died(f"the model's process has ended ({self._child.returncode})")
        said: dict[str, Any] = json.loads(line)
        return said

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()


class Runner:
    """The thread that works the queue off."""

    def __init__(self, settings: ServeSettings, jobs: Jobs, listener: Listener) -> None:
        self._settings = settings
        self._jobs = jobs
        self._listener = listener
        self._stop = threading.Event()
        self._more = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)
        self._model: Model | None = None
        self._other_since: float | None = None
        self.figures = Figures()
        self.model_name: str | None = None
        """The model that is loaded now."""
        self.trouble: str | None = None
        """Why the model cannot be loaded."""

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def wake(self) -> None:
        """There is more to do."""
        self._more.set()

    def stop(self) -> None:
        """Ends at once; what is in work waits for the next start."""
        self._stop.set()
        self._more.set()
        if self._model is not None:
            self._model.end()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                model = self._ready()
                self._turn(model)
            except NotReady as error:
                self.trouble = str(error)
                log.error("the model cannot be loaded", error=str(error))
                self._let_go()
                self._stop.wait(RETRY_SECONDS)
            except Died as error:
                if not self._stop.is_set():
                    log.error("the model's process has ended", error=str(error))
                    self.figures.restarts += 1
                self._let_go()
            except Exception:  # a thread that dies silently would look like a queue that stands still
                log.exception("the runner has met an error")
                self._let_go()
                self._stop.wait(1)

    def _ready(self) -> Model:
        if self._model is None:
            self._model = Model(self._settings)
            self._model.wait_until_ready()
            self.model_name, self.trouble = self._model.name, None
        return self._model

    def _let_go(self) -> None:
        model, self._model = self._model, None
        self.model_name = None
        self._other_since = None
        if model is not None:
            model.end()

    def _turn(self, model: Model) -> None:
        group = self._jobs.take(self._settings.jobs_at_once or (8 if model.on_gpu else 2))
        if not group:
            self._rest(model)
            self._more.wait(IDLE_WAIT_SECONDS)
            self._more.clear()
            return
        open_seqs = {job.seq for job in group}
        reached: dict[int, float] = {}
        began = time.monotonic()
        if group[0].model != model.name:
            self._other_since = began

        def heard(said: dict[str, Any]) -> None:
            seq = said["seq"]
            if "progress" in said:
                if said["progress"] - reached.get(seq, 0.0) >= LEAST_PROGRESS:
                    reached[seq] = said["progress"]
                    self._jobs.reach(seq, said["progress"])
            elif "segments" in said:
                self._listener.heard(seq, said["segments"])
            elif "error" in said:
                open_seqs.discard(seq)
                self._listener.ended(self._jobs.fail(seq, said["error"], said["code"]))
            else:
                open_seqs.discard(seq)
                self.figures.audio_seconds += said["seconds"]
                self._listener.ended(self._jobs.complete(seq, said["seconds"]))

        try:
            model.work([self._order(job) for job in group], heard)
        except Died:
            if self._stop.is_set():
                self._jobs.give_back(sorted(open_seqs))
            else:
                for seq in self._jobs.died(sorted(open_seqs)):
                    self._listener.ended(self._jobs.fail(seq, DEADLY, "failed"))
            raise
        self._jobs.give_back(sorted(open_seqs))
        self.figures.work_seconds += time.monotonic() - began
        self.figures.memory_mb = model.last_mb
        if model.last_mb - model.first_mb > self._settings.recycle_growth_mb:
            log.info("the model's process is replaced", grown_mb=round(model.last_mb - model.first_mb))
            self._let_go()

    def _rest(self, model: Model) -> None:
        """Nothing to do: a model that nobody asks for any more goes."""
        unload = self._settings.unload_seconds
        if self._other_since is not None and unload and time.monotonic() - self._other_since > unload:
            log.info("other models are unloaded", own=model.name)
            self._let_go()

    def _order(self, job: Job) -> dict[str, Any]:
        return {
            "seq": job.seq,
            "path": str(self._jobs.upload_of(job)),
            "result": str(self._jobs.result_path(job.seq)),
            "model": job.model,
            "wishes": job.wishes,
        }
