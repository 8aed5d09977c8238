"""`gpu-worker serve`: serves files over HTTP."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Final

import structlog
import uvicorn
from pydantic import ValidationError

from gpu_worker.service.http.app import build
from gpu_worker.service.http.protocol import BoundedProtocol
from gpu_worker.service.settings import ServeSettings
from gpu_worker.speech.models import ModelUnavailable, resolved

GRACEFUL_SECONDS: Final = 5
"""On shutdown, requests that wait for a transcript are closed after this time; their jobs stay queued."""
FILES_PER_CONNECTION: Final = 2
"""The connection's socket and the file of its upload."""


def serve(arguments: argparse.Namespace) -> int:
    """Runs the service. Configuration: environment and command line (settings.ServeSettings). Returns the exit status."""
    given = {
        "model": arguments.model,
        "service_host": arguments.host,
        "service_port": arguments.port,
        "service_folder": arguments.folder,
    }
    try:
        settings = ServeSettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        for problem in error.errors():
            sys.stderr.write(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}\n".lstrip(": "))
        return 2
    try:
        settings = resolved(settings)
    except ModelUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    log = structlog.get_logger()
    log.info("service is starting", url=f"http://{settings.service_host}:{settings.service_port}", model=settings.own_model)
    if not settings.service_token:
        log.warning("open to every program on this machine; set SERVICE_TOKEN to require a token")
    protocol = partial(BoundedProtocol, header_seconds=settings.header_seconds, body_seconds=settings.body_seconds)
    _allow_open_files(FILES_PER_CONNECTION * settings.max_connections)
    uvicorn.run(
        build(settings),
        http=protocol,  # type: ignore[arg-type]
        ws="none",
        limit_concurrency=settings.max_connections,
        host=settings.service_host,
        port=settings.service_port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    return 0


def _allow_open_files(count: int) -> None:
    """Raises this process's limit of open files to `count`, as far as the system allows. Windows has no such limit."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
