"""Command line of the worker: `python -m gpu_worker work | serve | find-model`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import uuid
from pathlib import Path

import structlog
from pydantic import ValidationError

from gpu_worker import logs

GRACEFUL_SECONDS = 5
"""Requests that wait for a text are let go of after so long; their jobs stay in the queue."""


def work() -> int:
    """Serves the queues of a stage; configuration from the environment (see settings.WorkSettings)."""
    import boto3

    from gpu_worker import spot
    from gpu_worker.chunk_rows import ChunkRows
    from gpu_worker.engine import Engines
    from gpu_worker.gate import Gate
    from gpu_worker.in_hand import InHand
    from gpu_worker.items import MachineFault, OutOfMemory
    from gpu_worker.lanes import Lanes
    from gpu_worker.media import Decoder
    from gpu_worker.objects import Objects
    from gpu_worker.run_tokens import RunTokens
    from gpu_worker.settings import WorkSettings
    from gpu_worker.speakers import SpeakersUnavailable, speaker_model
    from gpu_worker.temporary import use_own_folder
    from gpu_worker.work import Worker, power_off

    log = structlog.get_logger()
    try:
        settings = WorkSettings()
    except ValidationError as error:
        log.error("configuration is wrong", problems=[f"{e['loc'][0]}: {e['msg']}" for e in error.errors()])
        return 2
    use_own_folder()
    stop, taken = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    late = threading.Timer(settings.boot_seconds, lambda: power_off(settings, "the model is not loaded in time"))
    late.daemon = True
    late.start()
    dynamodb = boto3.resource("dynamodb")
    tokens = RunTokens(dynamodb.Table(settings.fleet_table), boto3.client("stepfunctions"), settings.instance_id)
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
        {"worker_version": settings.worker_version, "model": settings.model_name or Path(settings.model).name},
    )
    lanes = Lanes(boto3.client("sqs"), settings.lanes())
    objects = Objects(boto3.client("s3"), settings.bucket_name)
    in_hand = InHand(settings.runtime_directory, worker_id)
    given_back = in_hand.give_back(rows, lanes)
    if given_back:
        log.warning("the worker before this one ended in the middle", chunks=given_back)
    decoder = Decoder()
    try:
        decoder.start()
        engines = Engines(settings)
        engines.own.check()
        speakers = speaker_model(settings.speaker_model, objects)
    except (RuntimeError, ValueError, OSError, MemoryError, SpeakersUnavailable) as error:
        log.error("not ready to work", model=settings.model, error=str(error))
        tokens.failed("WorkerNotReady", f"the worker cannot start: {error}")
        decoder.close()
        return 1
    late.cancel()

    def taken_away() -> None:
        taken.set()
        stop.set()

    if settings.metadata_endpoint:
        spot.watch(settings.metadata_endpoint, taken_away, stop)
    try:
        Worker(settings, engines, rows, lanes, objects, tokens, decoder, in_hand, gate, stop, speakers).run()
        if taken.is_set():
            tokens.failed("MachineTaken", "EC2 takes this machine away")
            power_off(settings, "EC2 takes it away")
    except (MachineFault, OutOfMemory) as error:
        log.error("cannot go on", error=str(error))
        return 1
    finally:
        decoder.close()
    return 0


def serve(arguments: argparse.Namespace) -> int:
    """Runs the persistent service; configuration from the environment and the command line (see service.settings)."""
    import uvicorn

    from gpu_worker.service.app import build
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
    log = structlog.get_logger()
    log.info("service", url=f"http://{settings.service_host}:{settings.service_port}", model=settings.own_model)
    uvicorn.run(
        build(settings),
        host=settings.service_host,
        port=settings.service_port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    return 0


def main() -> int:
    """Parses the command line and runs the command; answers the exit status."""
    parser = argparse.ArgumentParser(prog="gpu-worker", description="Chunkscribe's transcription worker")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("work", help="serve the queues of a stage (configuration from the environment)")
    service = commands.add_parser(
        "serve", help="serve files over HTTP, OpenAI's API included (settings from the environment, too)"
    )
    service.add_argument("--model", help="published name or folder; default large-v3")
    service.add_argument("--host", help="address to listen on; default 127.0.0.1, any other needs SERVICE_TOKEN")
    service.add_argument("--port", type=int, help="default 8765")
    service.add_argument("--folder", help="where queue and results are kept")
    find = commands.add_parser("find-model", help="print the folder of a published model, downloading it if need be")
    find.add_argument("name", help="such as base.en")
    arguments = parser.parse_args()
    logs.configure()
    if arguments.command == "work":
        return work()
    if arguments.command == "serve":
        return serve(arguments)
    from gpu_worker.models import ModelUnavailable, find_model

    try:
        sys.stdout.write(find_model(arguments.name) + "\n")
    except ModelUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
