"""`work`: the worker of a cloud stage. Queues in, rows and result files out, until the run says that it is over.

Life: load the model -> tell the run "ready" -> serve lanes while a run holds the machine -> after `idle_seconds` without
work tell it "drained" -> wait for the next run -> after `unheld_seconds` without one, switch the machine off.

Gotchas:
- Heartbeats and lease renewals go out on progress or while truly idle, from this thread only: a worker that hangs is found.
- The newest wish is read *before* the last look into the lanes; whoever wishes later is not yet "seen".
- SIGTERM stops claiming; what is not committed by the next step is released and costs no attempt.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog
from botocore.exceptions import BotoCoreError, ClientError

from gpu_worker.chunk_rows import ChunkRows, Claim, LeaseLost
from gpu_worker.crash_points import reach
from gpu_worker.engine import Engine, Transcription
from gpu_worker.lanes import Hint, Lanes
from gpu_worker.media import Decoder, MediaError
from gpu_worker.objects import Objects
from gpu_worker.run_tokens import RunTokens
from gpu_worker.settings import WorkSettings

log = structlog.get_logger()

MAX_CHUNK_SECONDS: Final = 600.0
RECEIVE_WAIT_SECONDS: Final = 1
RENEWALS_PER_LEASE: Final = 4
DECODE_THREADS: Final = 4


class Stopping(Exception):
    """SIGTERM arrived in the middle of work."""


@dataclass
class Item:
    """A claimed chunk on its way through."""

    hint: Hint
    claim: Claim
    audio: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Failure:
    """Why a chunk has no result; `permanent`: trying again would end the same."""

    reason: str
    permanent: bool


Transcribed = tuple[Item, Transcription]


def _groups(items: Sequence[Item]) -> list[list[Item]]:
    """First attempts go together; a chunk that was tried before may have ended its worker, so it goes alone."""
    fresh = [item for item in items if item.claim.attempts == 1]
    suspects = [[item] for item in items if item.claim.attempts > 1]
    return [fresh, *suspects] if fresh else suspects


class Worker:
    """One process's work; `stop` may be set from a signal handler."""

    def __init__(
        self,
        settings: WorkSettings,
        engine: Engine,
        rows: ChunkRows,
        lanes: Lanes,
        objects: Objects,
        tokens: RunTokens,
        decoder: Decoder,
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._rows = rows
        self._lanes = lanes
        self._objects = objects
        self._tokens = tokens
        self._stop = stop
        self._decoder = decoder
        self._chunks_at_once = settings.chunks_at_once or (8 if engine.on_gpu else 2)
        self._renewed_at = 0.0

    def run(self) -> None:
        """Serves until told to stop, or until no run has wanted this machine for too long."""
        worked_at = held_at = time.monotonic()
        while not self._stop.is_set():
            self._tokens.refresh()
            if not self._tokens.held:
                if time.monotonic() - held_at > self._settings.unheld_seconds:
                    self._power_off()
                    break
                worked_at = time.monotonic()
                self._stop.wait(RECEIVE_WAIT_SECONDS)
                continue
            held_at = time.monotonic()
            items = self._claim(self._lanes.receive(self._chunks_at_once, RECEIVE_WAIT_SECONDS))
            if items:
                self._process(items)
                worked_at = time.monotonic()
            elif time.monotonic() - worked_at > self._settings.idle_seconds:
                self._finish()
            self._tokens.heartbeat()

    def _finish(self) -> None:
        seen = self._tokens.wanted_seq()
        if self._lanes.all_empty():
            log.info("drained", seen_seq=seen)
            self._tokens.drained(seen)

    def _claim(self, hints: Sequence[Hint]) -> list[Item]:
        items: list[Item] = []
        for hint in hints:
            claimed = self._rows.claim(hint.session_id, hint.chunk_number)
            if isinstance(claimed, Claim):
                items.append(Item(hint, claimed))
            elif claimed.retry_in_s is None:
                self._lanes.done(hint)
            else:
                self._lanes.show_again(hint, claimed.retry_in_s)
        return items

    def _process(self, items: Sequence[Item]) -> None:
        """Takes claimed chunks to their end: done, failed, or released.

        What an unexpected error leaves in the middle keeps its lease and its counted attempt: another worker takes it
        over when the lease ends, and a chunk that ends every worker is dead after its last attempt.
        """
        open_items = list(items)
        self._renewed_at = time.monotonic()

        def progress() -> None:
            if self._stop.is_set():
                raise Stopping
            self._renew(open_items)

        try:
            reach("claimed")
            for group in _groups(items):
                with ThreadPoolExecutor(max_workers=DECODE_THREADS) as pool:
                    failures = list(pool.map(self._load, group))
                for item, failure in zip(group, failures, strict=True):
                    if failure is not None:
                        self._fail(item, failure)
                        open_items.remove(item)
                reach("decoded")
                progress()
                ready = [item for item in group if item.audio is not None]
                for item, transcription in self._transcribe(ready, progress, open_items):
                    self._commit(item, transcription)
                    open_items.remove(item)
                    progress()
        except Stopping:
            log.info("released", chunks=len(open_items))
            for item in open_items:
                self._rows.release(item.claim)
                self._lanes.show_again(item.hint, 0)

    def _load(self, item: Item) -> Failure | None:
        """Fetches and decodes, in a thread of its own; a file that is no audio would be none the next time either."""
        try:
            with tempfile.TemporaryDirectory() as folder:  # one file per folder: nothing beside it to be read
                path = Path(folder) / "audio"
                self._objects.fetch(item.claim, path)
                item.audio = self._decoder.decode(path, MAX_CHUNK_SECONDS)
        except MediaError as error:
            return Failure(f"unsupported-media: {error}", permanent=True)
        except (ClientError, BotoCoreError, OSError) as error:
            log.error("fetch failed", session_id=item.claim.session_id, error=str(error))
            return Failure("the uploaded file could not be read from storage", permanent=False)
        return None

    def _transcribe(self, items: Sequence[Item], progress: Callable[[], None], open_items: list[Item]) -> list[Transcribed]:
        """One batch per language."""
        by_language: dict[str | None, list[Item]] = {}
        for item in items:
            by_language.setdefault(item.claim.language, []).append(item)
        return [
            done
            for language, group in by_language.items()
            for done in self._transcribe_group(group, language, progress, open_items)
        ]

    def _transcribe_group(
        self, items: Sequence[Item], language: str | None, progress: Callable[[], None], open_items: list[Item]
    ) -> list[Transcribed]:
        """All together; one by one when that fails, so that one bad chunk spoils no other."""
        audios = [item.audio for item in items if item.audio is not None]
        try:
            return list(zip(items, self._engine.transcribe(audios, language, progress), strict=True))
        except Stopping:
            raise
        except Exception:  # whatever it was, it must not take the other chunks along
            log.exception("batch failed", chunks=len(items))
        results: list[Transcribed] = []
        for item, audio in zip(items, audios, strict=True):
            try:
                results.append((item, self._engine.transcribe([audio], language, progress)[0]))
            except Stopping:
                raise
            except Exception:
                log.exception("chunk failed", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
                self._fail(item, Failure("the model failed on this chunk", permanent=False))
                open_items.remove(item)
        return results

    def _commit(self, item: Item, transcription: Transcription) -> None:
        reach("transcribed")
        try:
            key = self._objects.write_result(item.claim, self._engine.model_name, transcription)
            reach("result-written")
            self._rows.commit(item.claim, key, transcription.text, transcription.duration_seconds)
            log.info(
                "chunk done",
                session_id=item.claim.session_id,
                chunk_number=item.claim.chunk_number,
                audio_seconds=transcription.duration_seconds,
            )
        except LeaseLost:
            log.warning("lease lost", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
            return  # the message is its new holder's
        reach("committed")
        self._lanes.done(item.hint)

    def _fail(self, item: Item, failure: Failure) -> None:
        try:
            retry_in_s = self._rows.fail(item.claim, failure.reason, failure.permanent)
        except LeaseLost:
            return
        if retry_in_s is None:
            self._lanes.done(item.hint)
        else:
            self._lanes.show_again(item.hint, retry_in_s)

    def _renew(self, items: Sequence[Item]) -> None:
        """Leases and visibility of everything in hand, at most every quarter of a lease."""
        if time.monotonic() - self._renewed_at < self._settings.lease_seconds / RENEWALS_PER_LEASE:
            return
        self._renewed_at = time.monotonic()
        self._tokens.heartbeat()
        for item in items:
            try:
                self._rows.renew(item.claim)
                self._lanes.show_again(item.hint, self._settings.lease_seconds)
            except LeaseLost:
                log.warning("lease lost", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)

    def _power_off(self) -> None:
        log.warning("no run holds this machine: switching it off")
        subprocess.run(shlex.split(self._settings.poweroff_command), check=True)
