"""Command line of the worker: `python -m gpu_worker work | serve | find-model`.

Steps of `work`: read the settings -> find the model -> release the claims of the previous process -> start the media decoder
-> load the model -> serve (work.py). If the model or the decoder cannot be started, the run that waits for this machine is
notified. If the model is not loaded within `boot_seconds`, the machine is switched off.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import uuid
from functools import partial

import structlog
from pydantic import ValidationError

from gpu_worker import logs

GRACEFUL_SECONDS = 5
"""On shutdown, requests that wait for a transcript are closed after this time; their jobs stay queued."""
FILES_PER_CONNECTION = 2
"""The connection's socket and the file of its upload."""


def work() -> int:
    """Serves the queues of a stage. Configuration: environment (settings.WorkSettings). Returns the exit status."""
    from gpu_worker import aws, spot
    from gpu_worker.chunk_rows import ChunkRows
    from gpu_worker.claim_note import ClaimNote
    from gpu_worker.engine import Engines
    from gpu_worker.gate import Gate
    from gpu_worker.items import MachineFault, OutOfMemory
    from gpu_worker.lanes import Lanes
    from gpu_worker.media import Decoder
    from gpu_worker.models import ModelUnavailable, resolved
    from gpu_worker.objects import Objects
    from gpu_worker.pulse import start_pulse
    from gpu_worker.run_tokens import RunTokens
    from gpu_worker.session_language import SessionLanguages
    from gpu_worker.settings import WorkSettings
    from gpu_worker.speakers import SpeakersUnavailable, speaker_model
    from gpu_worker.temporary import use_own_folder
    from gpu_worker.work import Worker, power_off

    log = structlog.get_logger()
    try:
        settings = WorkSettings()
    except ValidationError as error:
        log.error("invalid configuration", problems=[f"{e['loc'][0]}: {e['msg']}" for e in error.errors()])
        return 2
    use_own_folder()
    start_pulse(settings.runtime_directory)
    stop, reclaimed = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    boot_timer = threading.Timer(settings.boot_seconds, lambda: power_off(settings, "the model did not load in time"))
    boot_timer.daemon = True
    boot_timer.start()
    dynamodb = aws.dynamodb()
    tokens = RunTokens(dynamodb.Table(settings.fleet_table), aws.client("stepfunctions"), settings.instance_id)
    try:
        settings = resolved(settings)
    except ModelUnavailable as error:
        log.error("worker cannot start", model=settings.model, error=str(error))
        tokens.failed("WorkerNotReady", f"the worker cannot start: {error}")
        return 1
    worker_id = f"{settings.instance_id}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
    gate = Gate(dynamodb, settings.batch_table)
    rows = ChunkRows(
        dynamodb,
        settings.chunks_table,
        settings.ledger_table,
        settings.fleet_table,
        worker_id,
        settings.lease_seconds,
        gate,
        {"worker_version": settings.worker_version, "model": settings.model_name},
    )
    lanes = Lanes(aws.client("sqs"), settings.lanes())
    objects = Objects(aws.client("s3"), settings.bucket_name)
    claim_note = ClaimNote(settings.runtime_directory, worker_id)
    released = claim_note.release_previous(rows, lanes)
    if released:
        log.warning("released the claims of the previous process", chunks=released)
    decoder = Decoder()
    try:
        decoder.start()
        engines = Engines(settings)
        engines.own.check()
        speakers = speaker_model(settings.speaker_model, objects)
    except (RuntimeError, ValueError, OSError, MemoryError, SpeakersUnavailable) as error:
        log.error("worker cannot start", model=settings.model, error=str(error))
        tokens.failed("WorkerNotReady", f"the worker cannot start: {error}")
        decoder.close()
        return 1
    boot_timer.cancel()

    def on_spot_notice() -> None:
        reclaimed.set()
        stop.set()

    if settings.metadata_endpoint:
        spot.watch(settings.metadata_endpoint, on_spot_notice, stop)
    try:
        languages = SessionLanguages(dynamodb, settings.sessions_table, settings.chunks_table)
        Worker(settings, engines, rows, lanes, objects, tokens, decoder, claim_note, gate, stop, languages, speakers).run()
        if reclaimed.is_set():
            tokens.failed("MachineTaken", "EC2 is reclaiming this spot instance")
            power_off(settings, "EC2 is reclaiming it")
    except (MachineFault, OutOfMemory) as error:
        log.error("worker cannot continue", error=str(error))
        return 1
    finally:
        decoder.close()
    return 0


def allow_open_files(count: int) -> None:
    """Raises this process's limit of open files to `count`, as far as the system allows. Windows has no such limit."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def serve(arguments: argparse.Namespace) -> int:
    """Runs the service. Configuration: environment and command line (service.settings). Returns the exit status."""
    import uvicorn

    from gpu_worker.models import ModelUnavailable, resolved
    from gpu_worker.service.app import build
    from gpu_worker.service.protocol import BoundedProtocol
    from gpu_worker.service.settings import ServeSettings

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
    allow_open_files(FILES_PER_CONNECTION * settings.max_connections)
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


def find_model_command(arguments: argparse.Namespace) -> int:
    """Prints the folder of a model, or one line on stderr if it is unavailable. Returns the exit status."""
    from gpu_worker.models import ModelUnavailable, find_model

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # also ends pip
    try:
        model = find_model(arguments.name, for_tests=arguments.for_tests)
    except ModelUnavailable as error:
        if arguments.json:
            sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        else:
            sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    as_json = {"folder": str(model.folder), "name": model.name, "languages": model.languages}
    sys.stdout.write((json.dumps(as_json) if arguments.json else as_json["folder"]) + "\n")
    return 0


def main() -> int:
    """Parses the command line and runs the command. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="gpu-worker", description="Chunkscribe's transcription worker")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("work", help="serve the queues of a stage (configuration from the environment)")
    service = commands.add_parser(
        "serve", help="serve files over HTTP, including OpenAI's API (settings also from the environment)"
    )
    service.add_argument("--model", help="published name or folder; default large-v3")
    service.add_argument("--host", help="address to listen on; default 127.0.0.1, any other needs SERVICE_TOKEN")
    service.add_argument("--port", type=int, help="default 8765")
    service.add_argument("--folder", help="folder of the queue and the results")
    find = commands.add_parser("find-model", help="print the folder of a model; verifies it, downloads it if needed")
    find.add_argument("name", help="published name such as tiny.en, owner/name on the model hub (Hugging Face), or a folder")
    find.add_argument("--json", action="store_true", help="print folder, name and languages, or the error, as JSON")
    find.add_argument("--for-tests", action="store_true", help="also find models that are only for tests and benchmarks")
    arguments = parser.parse_args()
    logs.configure()
    if arguments.command == "work":
        return work()
    if arguments.command == "serve":
        return serve(arguments)
    return find_model_command(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
