"""`gpu-worker work`: serves the queues of a stage.

Steps: read the settings -> find the model -> release the claims of the previous process -> start the media decoder -> load
the model -> serve (work/worker.py). If the model or the decoder cannot be started, the run that waits for this machine is
notified. If the model is not loaded within `boot_seconds`, the machine is switched off.
"""

from __future__ import annotations

import os
import signal
import threading
import uuid

import structlog
from pydantic import ValidationError

from gpu_worker.cloud.machine import spot
from gpu_worker.cloud.machine.claim_note import ClaimNote
from gpu_worker.cloud.machine.power import power_off
from gpu_worker.cloud.machine.pulse import start_pulse
from gpu_worker.cloud.settings import WorkSettings
from gpu_worker.cloud.stage import aws
from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.gate import Gate
from gpu_worker.cloud.stage.lanes import Lanes
from gpu_worker.cloud.stage.objects import Objects
from gpu_worker.cloud.stage.run_tokens import RunTokens
from gpu_worker.cloud.stage.session_language import SessionLanguages
from gpu_worker.cloud.stage.speaker_model import StageSpeakers
from gpu_worker.cloud.work.context import WorkContext
from gpu_worker.cloud.work.items import MachineFault, OutOfMemory
from gpu_worker.cloud.work.worker import Worker
from gpu_worker.speech.engine import Engines
from gpu_worker.speech.media import Decoder
from gpu_worker.speech.models import ModelUnavailable, resolved
from gpu_worker.speech.speakers import SpeakersUnavailable
from gpu_worker.temporary import use_own_folder

log = structlog.get_logger()


def work() -> int:
    """Serves the queues. Configuration: environment (settings.WorkSettings). Returns the exit status."""
    try:
        settings = WorkSettings()
    except ValidationError as error:
        log.error("invalid configuration", problems=[f"{e['loc'][0]}: {e['msg']}" for e in error.errors()])
        return 2
    use_own_folder()
    start_pulse(settings.runtime_directory)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    boot_timer = threading.Timer(settings.boot_seconds, lambda: power_off(settings, "the model did not load in time"))
    boot_timer.daemon = True
    boot_timer.start()
    dynamodb = aws.dynamodb()
    tokens = RunTokens(dynamodb.Table(settings.fleet_table), aws.step_functions(), settings.instance_id)
    try:
        settings = resolved(settings)
    except ModelUnavailable as error:
        return _cannot_start(settings, tokens, error)
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
    lanes = Lanes(aws.sqs(), settings.lanes())
    objects = Objects(aws.s3(), settings.bucket_name)
    claim_note = ClaimNote(settings.runtime_directory, worker_id)
    released = claim_note.release_previous(rows, lanes)
    if released:
        log.warning("released the claims of the previous process", chunks=released)
    decoder = Decoder()
    try:
        decoder.start()
        engines = Engines(settings)
        engines.own.check()
        rows.describe_worker(device="cuda" if engines.own.on_gpu else "cpu")
        speakers = StageSpeakers(settings.speaker_model, objects)
    except (RuntimeError, ValueError, OSError, MemoryError, SpeakersUnavailable) as error:
        decoder.close()
        return _cannot_start(settings, tokens, error)
    boot_timer.cancel()
    return _serve(
        WorkContext(
            settings=settings,
            rows=rows,
            lanes=lanes,
            objects=objects,
            tokens=tokens,
            gate=gate,
            session_languages=SessionLanguages(dynamodb, settings.sessions_table, settings.chunks_table),
            engines=engines,
            decoder=decoder,
            speakers=speakers,
            claim_note=claim_note,
            stop=stop,
        )
    )


def _cannot_start(settings: WorkSettings, tokens: RunTokens, error: Exception) -> int:
    log.error("worker cannot start", model=settings.model, error=str(error))
    tokens.failed("WorkerNotReady", f"the worker cannot start: {error}")
    return 1


def _serve(context: WorkContext) -> int:
    settings, reclaimed = context.settings, threading.Event()

    def on_spot_notice() -> None:
        reclaimed.set()
        context.stop.set()

    if settings.metadata_endpoint:
        spot.watch(settings.metadata_endpoint, on_spot_notice, context.stop)
    try:
        Worker(context).run()
        if reclaimed.is_set():
            context.tokens.failed("MachineTaken", "EC2 is reclaiming this spot instance")
            power_off(settings, "EC2 is reclaiming it")
    except (MachineFault, OutOfMemory) as error:
        log.error("worker cannot continue", error=str(error))
        return 1
    finally:
        context.decoder.close()
    return 0
