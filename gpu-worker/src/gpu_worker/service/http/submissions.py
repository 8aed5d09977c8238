"""Receives uploads and queues them as jobs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from anyio import to_thread
from starlette.requests import Request

from gpu_worker.service.http.problems import Problem
from gpu_worker.service.http.references import store_known_speakers
from gpu_worker.service.http.requests import Offer, OpenAIForm, TranscriptionForm, fields_of, parse
from gpu_worker.service.http.uploads import BadUpload, Form, TooLarge, drain, receive
from gpu_worker.service.model.runner import Runner
from gpu_worker.service.queue.disk_full import DiskFull
from gpu_worker.service.queue.job_rows import Job, JobIdTaken, QueueFull
from gpu_worker.service.queue.jobs import Jobs
from gpu_worker.service.queue.known_speakers import delete_upload
from gpu_worker.service.settings import ServeSettings
from gpu_worker.speech.engine_version import ENGINE_VERSION
from gpu_worker.speech.media import detect

RETRY_AFTER_SECONDS: Final = 10
"""Retry-After of responses to a full queue."""
MB: Final = 1024**2

More = TypeVar("More")


def _disk_full() -> Problem:
    return Problem(503, "disk-full", "there is not enough disk space for uploads; try again later", retry_s=60)


def _queue_full() -> Problem:
    return Problem(429, "queue-full", "the queue is full; try again later", retry_s=RETRY_AFTER_SECONDS)


class Submissions:
    """Turns requests into jobs."""

    def __init__(self, settings: ServeSettings, offer: Offer, jobs: Jobs, runner: Runner) -> None:
        self._settings = settings
        self._offer = offer
        self._jobs = jobs
        self._runner = runner

    async def submit(self, request: Request, more: Callable[[Form], More]) -> tuple[Job, More]:
        """Receives an upload and queues it as a job.

        Args:
            request: A multipart request with the field `file`.
            more: Parses further fields of the form; may raise Problem.

        Raises:
            Problem: The request is refused.
        """
        try:
            submitted = await self._receive(request, more)
        except Problem:
            await drain(request)
            raise
        self._runner.wake()
        return submitted

    async def _receive(self, request: Request, more: Callable[[Form], More]) -> tuple[Job, More]:
        limit, min_free = self._settings.max_upload_mb * MB, self._settings.min_free_disk_mb * MB
        if shutil.disk_usage(self._settings.service_folder).free < min_free:
            raise _disk_full()
        if self._jobs.counts().get("queued", 0) >= self._settings.max_queue:
            raise _queue_full()
        upload = self._jobs.new_upload()
        try:
            form = await receive(request, upload, limit, min_free)
            parsed = more(form)
            names = parsed.known_speaker_names if isinstance(parsed, OpenAIForm) else ()
            return await to_thread.run_sync(self._enqueue, form, upload, names), parsed
        except BadUpload as error:
            raise Problem(400, "malformed", str(error)) from error
        except TooLarge as error:
            raise Problem(413, "too-large", f"a file may have at most {self._settings.max_upload_mb} MB") from error
        except DiskFull as error:
            raise _disk_full() from error
        finally:
            delete_upload(upload)

    def _enqueue(self, form: Form, upload: Path, names: Sequence[str]) -> Job:
        if form.filename is None:
            raise Problem(400, "file-missing", "the field file is missing", param="file")
        with upload.open("rb") as file:
            is_media = detect(file) is not None
        if not is_media:
            raise Problem(415, "unsupported-media", "this is not a supported audio file", param="file")
        wanted = parse(TranscriptionForm, fields_of(form), self._offer)
        known = store_known_speakers(upload, names, form.references)
        try:
            return self._jobs.add(
                upload,
                requested_id=wanted.job_id,
                filename=form.filename,
                size_bytes=form.size_bytes,
                model=wanted.model,
                options=wanted.options,
                content=json.dumps([form.sha256, wanted.model, wanted.options, ENGINE_VERSION, *([known] if known else [])]),
                urgent=wanted.priority == "urgent",
                callback_url=wanted.callback_url,
            )
        except QueueFull as error:
            raise _queue_full() from error
        except JobIdTaken as error:
            raise Problem(409, "job-exists", "job_id is used by another file") from error
