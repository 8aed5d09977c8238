"""The HTTP side of the service: its own endpoints, OpenAI's, a page, and metrics for Prometheus.

Waiting requests hold no resources but their connection: uploads are streamed to disk, the queue is in SQLite, and the model
runs in another process.

At startup the runner (which loads the model), the callback sender and the hourly cleanup are started. At shutdown they end;
jobs in progress are requeued at the next start.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from anyio import to_thread
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gpu_worker.service.callbacks.sender import CallbackSender, secret_in
from gpu_worker.service.http import openai_api
from gpu_worker.service.http.documents import About
from gpu_worker.service.http.downloads import transcript_response
from gpu_worker.service.http.guard import Guard
from gpu_worker.service.http.hub import Hub
from gpu_worker.service.http.offered import OfferedModels
from gpu_worker.service.http.pace import Paced
from gpu_worker.service.http.problems import HANDLERS, Problem
from gpu_worker.service.http.references import invalid_reference
from gpu_worker.service.http.requests import Format, Offer, OpenAIForm, TranscriptQuery, fields_of, parse
from gpu_worker.service.http.submissions import Submissions
from gpu_worker.service.model import lines
from gpu_worker.service.model.runner import Runner
from gpu_worker.service.queue.job_rows import Job
from gpu_worker.service.queue.jobs import Jobs
from gpu_worker.service.queue.results import Result
from gpu_worker.service.settings import ServeSettings

PAGE: Final = Path(__file__).parent / "page"
PAGE_FILES: Final = {"": "index.html", "page.js": "page.js", "page.css": "page.css"}
OPEN_PATHS: Final = ("/health", *(f"/{path}" for path in PAGE_FILES))
"""Paths that need no token: health checks send none, and the page prompts the user for it."""
SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
MAX_LISTED_JOBS: Final = 100
CLEANUP_SECONDS: Final = 3600.0
THREADS: Final = 4
"""Threads for blocking work. More would delay the event loop, and with it /health, because of Python's global lock."""
DAY_SECONDS: Final = 86_400.0
KEEPALIVE_SECONDS: Final = 15.0


class Service:
    """The endpoints."""

    def __init__(self, settings: ServeSettings, jobs: Jobs, runner: Runner, hub: Hub) -> None:
        self._settings = settings
        self._models = OfferedModels(settings)
        self._submissions = Submissions(settings, Offer(self._models, settings.callback_rules), jobs, runner)
        self._jobs = jobs
        self._runner = runner
        self._hub = hub
        self._registry = CollectorRegistry()
        gauges = {
            "chunkscribe_queue_jobs": "Jobs that are queued",
            "chunkscribe_processing_jobs": "Jobs that are being transcribed",
            "chunkscribe_completed_jobs": "Completed jobs that are kept",
            "chunkscribe_failed_jobs": "Failed jobs that are kept",
            "chunkscribe_audio_seconds": "Seconds of audio transcribed since the start",
            "chunkscribe_work_seconds": "Seconds that the model has worked since the start",
            "chunkscribe_model_memory_mb": "Peak memory of the model process",
            "chunkscribe_model_restarts": "Times that the model process has ended unexpectedly",
            "chunkscribe_model_loaded": "Whether a model is loaded",
        }
        self._gauges = {name: Gauge(name, text, registry=self._registry) for name, text in gauges.items()}

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("/transcribe", self.transcribe, methods=["POST"]),
            Route("/status/{job_id}", self.status),
            Route("/download/{job_id}", self.download),
            Route("/transcript/{job_id}", self.transcript),
            Route("/jobs", self.list_jobs),
            Route("/health", self.health),
            Route("/metrics", self.metrics),
            Route("/v1/audio/transcriptions", self.openai_transcribe, methods=["POST"]),
            Route("/v1/models", self.openai_models),
            Route("/v1/models/{model:path}", self.openai_model),
            *(Route(f"/{path}", self._file(name)) for path, name in PAGE_FILES.items()),
        ]

    def _file(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(_request: Request) -> Response:
            return FileResponse(PAGE / name, headers={**SECURITY_HEADERS, "cache-control": "no-cache"})

        return serve

    async def _job(self, request: Request) -> Job:
        job = await to_thread.run_sync(self._jobs.get, request.path_params["job_id"])
        if job is None:
            raise Problem(404, "unknown-job", "there is no such job")
        return job

    async def transcribe(self, request: Request) -> Response:
        """POST /transcribe."""
        job, _ = await self._submissions.submit(request, lambda _form: None)
        return JSONResponse({"job_id": job.id, "status": job.state})

    async def status(self, request: Request) -> Response:
        """GET /status/{job_id}."""
        job = await self._job(request)
        text = (await to_thread.run_sync(self._jobs.result_of, job))["text"] if job.state == "completed" else None
        return JSONResponse(
            {
                "job_id": job.id,
                "status": job.state,
                "progress": int(100 * job.progress),
                "transcript": text,
                "error": job.error,
            }
        )

    async def _formatted(self, request: Request, usual: Format) -> Response:
        """The transcript of the job in the path, in the format of the query. Raises Problem."""
        job = await self._job(request)
        if job.state == "failed":
            raise Problem(404, "failed", f"the job has failed: {job.error}")
        if job.state != "completed":
            raise Problem(404, "not-ready", f"the job is {job.state}; its transcript is available when it is completed")
        query = parse(TranscriptQuery, {"format": usual, **request.query_params})
        result = await to_thread.run_sync(self._jobs.result_of, job)
        return await to_thread.run_sync(transcript_response, result, About(job.filename, job.created_at), query)

    async def download(self, request: Request) -> Response:
        """GET /download/{job_id}?format=&words=: txt by default."""
        return await self._formatted(request, "txt")

    async def transcript(self, request: Request) -> Response:
        """GET /transcript/{job_id}?format=&words=: json by default."""
        return await self._formatted(request, "json")

    async def list_jobs(self, _request: Request) -> Response:
        """GET /jobs: the newest jobs."""
        jobs = await to_thread.run_sync(self._jobs.newest, MAX_LISTED_JOBS)
        return JSONResponse(
            {
                "jobs": [
                    {
                        "job_id": job.id,
                        "filename": job.filename,
                        "size_bytes": job.size_bytes,
                        "model": job.model,
                        "status": job.state,
                        "urgent": job.urgent,
                        "progress": int(100 * job.progress),
                        "error": job.error,
                        "seconds": job.seconds,
                        "created_at": job.created_at,
                        "started_at": job.started_at,
                        "ended_at": job.ended_at,
                    }
                    for job in jobs
                ],
                "models": self._settings.offered,
                "loaded": self._runner.model_name,
                "trouble": self._runner.load_error,
                "memory_mb": self._runner.figures.memory_mb,
            }
        )

    async def health(self, _request: Request) -> Response:
        """GET /health."""
        loaded = self._runner.model_name is not None
        status = "ok" if loaded else "no-model" if self._runner.load_error else "loading"
        return JSONResponse({"status": status, "model_loaded": loaded, "queue_size": self._jobs.counts().get("queued", 0)})

    async def metrics(self, _request: Request) -> Response:
        """GET /metrics."""
        counts = await to_thread.run_sync(self._jobs.counts)
        figures = self._runner.figures
        values = {
            "queue_jobs": counts.get("queued", 0),
            "processing_jobs": counts.get("processing", 0),
            "completed_jobs": counts.get("completed", 0),
            "failed_jobs": counts.get("failed", 0),
            "audio_seconds": figures.audio_seconds,
            "work_seconds": figures.work_seconds,
            "model_memory_mb": figures.memory_mb,
            "model_restarts": figures.restarts,
            "model_loaded": int(self._runner.model_name is not None),
        }
        for name, value in values.items():
            self._gauges[f"chunkscribe_{name}"].set(value)
        return Response(generate_latest(self._registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openai_models(self, _request: Request) -> Response:
        """GET /v1/models."""
        return JSONResponse({"object": "list", "data": [self._models.card(name) for name in self._settings.offered]})

    async def openai_model(self, request: Request) -> Response:
        """GET /v1/models/{model}."""
        name = request.path_params["model"]
        if name not in self._settings.offered:
            raise Problem(404, "model_not_found", f"this service offers {', '.join(self._settings.offered)}", param="model")
        return JSONResponse(self._models.card(name))

    async def openai_transcribe(self, request: Request) -> Response:
        """POST /v1/audio/transcriptions: waits for the transcript, or streams it."""
        job, wanted = await self._submissions.submit(request, lambda form: parse(OpenAIForm, fields_of(form)))
        if wanted.stream:
            return StreamingResponse(
                self._events(job, wanted), media_type="text/event-stream", headers={"cache-control": "no-cache"}
            )
        async with self._hub.waiting(job.id) as ended:
            await self._wait_until_over(job, ended)
        result = await self._result(job)
        return openai_api.transcription_response(
            result, wanted.response_format, wanted.granularities, wanted.known_speaker_names
        )

    async def _wait_until_over(self, job: Job, ended: asyncio.Event) -> None:
        now = await to_thread.run_sync(self._jobs.get, job.id)
        if now is not None and not now.is_over:
            await ended.wait()

    async def _result(self, job: Job) -> Result:
        now = await to_thread.run_sync(self._jobs.get, job.id)
        if now is None or now.state == "failed":
            code = (now.error_code if now else None) or "failed"
            error = (now.error if now else None) or "the job no longer exists"
            if code == lines.INVALID_REFERENCE:
                raise invalid_reference(error)
            status = 415 if code == "unsupported-media" else 503 if code == "model-not-loaded" else 500
            raise Problem(status, code, error)
        return await to_thread.run_sync(self._jobs.result_of, now)

    async def _events(self, job: Job, wanted: OpenAIForm) -> AsyncIterator[str]:
        """Streams the text of segments as they are transcribed, then speakers if requested, then the whole transcript."""
        sent = False
        async with self._hub.waiting(job.id) as ended, self._hub.texts(job.result_of) as texts:
            over = asyncio.ensure_future(self._wait_until_over(job, ended))
            try:
                while not over.done() or not texts.empty():
                    following = asyncio.ensure_future(texts.get())
                    await asyncio.wait({following, over}, timeout=KEEPALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                    if following.done():
                        sent = True
                        yield openai_api.event("transcript.text.delta", delta=following.result())
                    else:
                        following.cancel()
                        if not over.done():
                            yield ": still working\n\n"
            finally:
                over.cancel()
        try:
            result = await self._result(job)
        except Problem as problem:
            yield openai_api.event("error", error={"message": problem.message, "code": problem.code})
            return
        if not sent and result["text"]:
            yield openai_api.event("transcript.text.delta", delta=result["text"])
        if wanted.response_format == "diarized_json":
            for segment in openai_api.diarized_segments(result, wanted.known_speaker_names):
                yield openai_api.event("transcript.text.segment", **segment)
        yield openai_api.event("transcript.text.done", text=result["text"])


def build(settings: ServeSettings) -> Starlette:
    """Builds the service. Its startup starts loading the model."""
    folder = Path(settings.service_folder)
    jobs = Jobs(folder, settings.max_queue)
    hub = Hub()
    runner = Runner(settings, jobs, hub)
    callback_sender = CallbackSender(jobs, secret_in(folder), settings.callback_rules)
    service = Service(settings, jobs, runner, hub)

    async def clean_up() -> None:
        while True:
            await to_thread.run_sync(lambda: jobs.delete_ended(time.time() - settings.retention_days * DAY_SECONDS))
            await asyncio.sleep(CLEANUP_SECONDS)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        hub.attach()
        runner.start()
        callback_sender.start()
        cleaner = asyncio.ensure_future(clean_up())
        yield
        cleaner.cancel()
        callback_sender.stop()
        await to_thread.run_sync(runner.stop)
        jobs.close()

    return Starlette(
        routes=list(service.routes()),
        middleware=[
            Middleware(Guard, settings=settings, open_paths=OPEN_PATHS),
            Middleware(Paced, window_s=settings.body_seconds),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
