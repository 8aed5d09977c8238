"""`work`: the worker of a cloud stage. Queues in, rows and result files out, until the run says that it is over.

Life: load the model -> tell the run "ready" -> serve lanes while a run holds the machine -> after `idle_seconds` without
work tell it "drained" -> wait for the next run -> switch the machine off when its stop is decided, or nobody has needed it
for `unheld_seconds`.

Gotchas:
- Heartbeats and lease renewals go out on progress or while truly idle, from this thread only: a worker that hangs is found.
- The newest wish is read *before* the last look into the lanes; whoever wishes later is not yet "seen".
- SIGTERM stops claiming; what is not committed by the next step is released and costs no attempt.
- What is the machine's fault (disk full, no decoder) is told to the run and costs no chunk anything. Memory that runs out
  may be the chunk's fault: it goes alone next time, in a new process, and is dead after the second time.
"""

from __future__ import annotations

import errno
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog
from botocore.exceptions import BotoCoreError, ClientError

from gpu_worker.chunk_rows import MAX_ATTEMPTS, ChunkRows, Claim, LeaseLost
from gpu_worker.crash_points import reach
from gpu_worker.engine import Engine, Transcription
from gpu_worker.gate import Gate
from gpu_worker.in_hand import InHand
from gpu_worker.lanes import Hint, Lanes
from gpu_worker.media import Decoder, DecoderUnavailable, MediaError, begins_alone, peaks_of
from gpu_worker.objects import Objects, PiecesMissing
from gpu_worker.run_tokens import RunTokens
from gpu_worker.settings import WorkSettings
from gpu_worker.speakers import SpeakerModel

log = structlog.get_logger()

MAX_CHUNK_SECONDS: Final = 600.0
RECEIVE_WAIT_SECONDS: Final = 1
RENEWALS_PER_LEASE: Final = 4
DECODE_THREADS: Final = 4
TROUBLE_SECONDS: Final = 15.0
"""Wait after trouble with storage, which is no chunk's fault."""
UNREADABLE: Final = "the uploaded file could not be read from storage"


class Stopping(Exception):
    """The work in hand has to be given back: SIGTERM, or a decided stop of the machine."""


class MachineFault(Exception):
    """This machine cannot work, whatever the chunk; `error` is a name for the run's report."""

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(reason)
        self.error = error


class OutOfMemory(Exception):
    """The model had not enough memory for one chunk alone."""

    def __init__(self, item: Item) -> None:
        super().__init__("the model ran out of memory")
        self.item = item


@dataclass
class Item:
    """A claimed chunk on its way through."""

    hint: Hint
    claim: Claim
    audio: npt.NDArray[np.float32] | None = None
    content_key: str | None = None
    """Names these bytes among the user's; None for what cannot be decoded alone."""
    peaks: str | None = None
    same: Transcription | None = None
    """What was found for the same bytes before."""
    alone: bool = False


@dataclass(frozen=True)
class Failure:
    """Why a chunk has no result; `permanent`: trying again would end the same."""

    reason: str
    permanent: bool
    passes: bool = False
    """It is nothing of the chunk's: the attempt is given back."""


Transcribed = tuple[Item, Transcription]


def _groups(items: Sequence[Item]) -> list[list[Item]]:
    """Most go together; a chunk that may have ended its worker goes alone, after the others."""
    fresh = [item for item in items if not item.claim.suspect]
    suspects = [[item] for item in items if item.claim.suspect]
    return [fresh, *suspects] if fresh else suspects


def _begins_alone(path: Path) -> bool:
    with path.open("rb") as file:
        return begins_alone(file.read(12))


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


def _passes(error: Exception) -> bool:
    """Whether storage is in trouble, or only this object: trouble passes and is no failed attempt of a chunk."""
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    return status >= 500 or status == 429


def _peak_mb() -> float:
    """Most memory that this process has had; Linux tells it in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


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
        in_hand: InHand,
        gate: Gate,
        stop: threading.Event,
        speakers: SpeakerModel | None = None,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._rows = rows
        self._lanes = lanes
        self._objects = objects
        self._tokens = tokens
        self._stop = stop
        self._decoder = decoder
        self._in_hand = in_hand
        self._gate = gate
        self._speakers = speakers
        self._chunks_at_once = settings.chunks_at_once or (8 if engine.on_gpu else 2)
        self._renewed_at = 0.0
        self._chunks_done = 0
        self._first_mb = 0.0

    def run(self) -> None:
        """Serves until told to stop, due for a new process, or needed by nobody.

        Raises:
            MachineFault: the run was told, and what was in hand is given back.
        """
        worked_at = needed_at = time.monotonic()
        while not self._stop.is_set():
            self._tokens.refresh()
            if self._tokens.wanted:
                needed_at = time.monotonic()
            if self._tokens.stop_decided or time.monotonic() - needed_at > self._settings.unheld_seconds:
                power_off(self._settings, "its stop is decided" if self._tokens.stop_decided else "nobody needs it")
                return
            if not self._tokens.held:
                worked_at = time.monotonic()
                self._stop.wait(RECEIVE_WAIT_SECONDS)
                continue
            try:
                self._check_disk()
                hints = self._lanes.receive(self._chunks_at_once, RECEIVE_WAIT_SECONDS, backlog=self._gate.is_open())
                items = self._claim(hints)
                if items:
                    self._process(items)
                    worked_at = time.monotonic()
            except MachineFault as fault:
                self._tokens.failed(fault.error, str(fault))
                raise
            if items and self._is_worn():
                return
            if not items and time.monotonic() - worked_at > self._settings.idle_seconds:
                self._finish()
            self._tokens.heartbeat()

    def _check_disk(self) -> None:
        free_mb = shutil.disk_usage(tempfile.gettempdir()).free / 1024**2
        if free_mb < self._settings.min_free_disk_mb:
            raise MachineFault("DiskFull", f"only {free_mb:.0f} MB are free for uploaded files")

    def _is_worn(self) -> bool:
        """Whether a new process is due; memory is measured against what the first batch left."""
        memory = _peak_mb()
        self._first_mb = self._first_mb or memory
        grown = memory - self._first_mb
        worn = self._chunks_done >= self._settings.recycle_after_chunks or grown > self._settings.recycle_growth_mb
        if worn:
            log.info("recycled", chunks=self._chunks_done, grown_mb=round(grown))
        return worn

    def _finish(self) -> None:
        seen = self._tokens.wanted_seq()
        # Backlog that waits for recorders is no reason to keep the machine: the batch asks for one again.
        if self._lanes.all_empty(backlog=self._gate.is_open()):
            log.info("drained", seen_seq=seen)
            self._tokens.drained(seen)

    def _claim(self, hints: Sequence[Hint]) -> list[Item]:
        self._in_hand.note(hints)
        items: list[Item] = []
        for hint in hints:
            claimed = self._rows.claim(hint.session_id, hint.chunk_number, hint.backlog)
            reach("claiming")
            if isinstance(claimed, Claim):
                items.append(Item(hint, claimed))
            elif claimed.retry_in_s is None:
                self._lanes.done(hint)
            else:
                self._lanes.show_again(hint, claimed.retry_in_s)
        return items

    def _process(self, items: Sequence[Item]) -> None:
        """Takes claimed chunks to their end: done, failed, or released.

        What an unexpected error leaves in the middle keeps its lease: the process that follows gives it back (see
        in_hand), or another worker takes it over when the lease ends.
        """
        open_items = list(items)
        self._renewed_at = time.monotonic()

        def progress() -> None:
            self._tokens.refresh()
            if self._stop.is_set() or self._tokens.stop_decided:
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
                for item in group:
                    if item.same is not None:
                        self._commit(item, item.same, reused=True)
                        open_items.remove(item)
                ready = [item for item in group if item.audio is not None]
                self._isolate(ready)
                for item, transcription in self._transcribe(ready, progress, open_items):
                    self._commit(item, self._with_voices(item, transcription))
                    open_items.remove(item)
                    progress()
        except (Stopping, MachineFault) as why:
            log.info("released", chunks=len(open_items), why=type(why).__name__)
            self._release(open_items)
            if isinstance(why, MachineFault):
                raise
        except OutOfMemory as why:
            log.error("out of memory", session_id=why.item.claim.session_id, chunk_number=why.item.claim.chunk_number)
            self._rows.blame(why.item.claim, why.item.alone, str(why))
            self._lanes.show_again(why.item.hint, 0)
            open_items.remove(why.item)
            self._release(open_items)
            raise

        self._in_hand.note([])

    def _release(self, items: Sequence[Item]) -> None:
        for item in items:
            self._rows.release(item.claim)
            self._lanes.show_again(item.hint, 0)
        self._in_hand.note([])

    def _isolate(self, group: Sequence[Item]) -> None:
        """A suspect's claim says that it is alone, before the model sees it: decoding, in its own process, ends none."""
        for item in group:
            if item.claim.suspect:
                with suppress(LeaseLost):
                    self._rows.goes_alone(item.claim)
                    item.alone = True

    def _load(self, item: Item) -> Failure | None:
        """Fetches and decodes, in a thread of its own; a file that is no audio would be none the next time either."""
        try:
            with tempfile.TemporaryDirectory() as folder:  # one file per folder: nothing beside it to be read
                path = Path(folder) / "audio"
                sha256 = self._objects.fetch(item.claim, path)
                from_byte = 0
                if item.claim.chunk_number == 1 or _begins_alone(path):
                    item.content_key = "#".join(
                        (
                            item.claim.user_id,
                            sha256,
                            item.claim.language or "",
                            self._engine.model_name + ("+voices" if item.claim.diarize else ""),
                        )
                    )
                    if self._found_same(item, item.content_key):
                        return None
                else:
                    last_try = item.claim.attempts >= MAX_ATTEMPTS
                    from_byte = self._objects.put_stream_before(item.claim, path, despite_holes=last_try)
                item.audio = self._decoder.decode(path, MAX_CHUNK_SECONDS, from_byte)
                item.peaks = peaks_of(item.audio)
        except PiecesMissing:
            return Failure("the pieces of the recording before this one have not arrived", permanent=False)
        except MediaError as error:
            return Failure(f"unsupported-media: {error}", permanent=True)
        except DecoderUnavailable as error:
            raise MachineFault("NoDecoder", str(error)) from error
        except (ClientError, BotoCoreError) as error:
            log.error("fetch failed", session_id=item.claim.session_id, error=str(error))
            return Failure(UNREADABLE, permanent=False, passes=_passes(error))
        except OSError as error:
            raise MachineFault("DiskFull" if error.errno == errno.ENOSPC else "NoFiles", str(error)) from error
        return None

    def _with_voices(self, item: Item, transcription: Transcription) -> Transcription:
        if self._speakers is None or not item.claim.diarize or item.audio is None:
            return transcription
        return replace(transcription, segments=self._speakers.mark(item.audio, transcription.segments))

    def _found_same(self, item: Item, content_key: str) -> bool:
        found = self._rows.result_of_same(content_key)
        if found is not None:
            key, item.peaks = found
            item.same = self._objects.read_result(key)
        return item.same is not None

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
            reach("model")
            return list(zip(items, self._engine.transcribe(audios, language, progress), strict=True))
        except Stopping:
            raise
        except Exception:  # whatever it was, it must not take the other chunks along
            log.exception("batch failed", chunks=len(items))
        results: list[Transcribed] = []
        for item, audio in zip(items, audios, strict=True):
            try:
                reach("model")
                results.append((item, self._engine.transcribe([audio], language, progress)[0]))
            except Stopping:
                raise
            except Exception as error:
                if _is_out_of_memory(error):
                    raise OutOfMemory(item) from error
                log.exception("chunk failed", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
                self._fail(item, Failure("the model failed on this chunk", permanent=False))
                open_items.remove(item)
        return results

    def _commit(self, item: Item, transcription: Transcription, reused: bool = False) -> None:
        reach("transcribed")
        try:
            key = self._objects.write_result(item.claim, self._engine.model_name, transcription)
            reach("result-written")
            seconds = transcription.duration_seconds
            self._rows.commit(item.claim, key, transcription.text, seconds, item.content_key, item.peaks, reused)
            log.info(
                "chunk done",
                session_id=item.claim.session_id,
                chunk_number=item.claim.chunk_number,
                audio_seconds=seconds,
                reused=reused,
            )
        except LeaseLost:
            log.warning("lease lost", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
            return  # the message is its new holder's
        reach("committed")
        self._chunks_done += 1
        self._lanes.done(item.hint)

    def _fail(self, item: Item, failure: Failure) -> None:
        if failure.passes:
            self._rows.release(item.claim)
            self._lanes.show_again(item.hint, TROUBLE_SECONDS)
            return
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


def power_off(settings: WorkSettings, why: str) -> None:
    """Switches this machine off; nothing else happens on it after that."""
    log.warning("switching the machine off", why=why)
    subprocess.run(shlex.split(settings.poweroff_command), check=True)
