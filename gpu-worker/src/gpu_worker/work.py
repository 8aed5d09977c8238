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
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from gpu_worker.chunk_rows import MAX_ATTEMPTS, ChunkRows, Claim, LeaseLost
from gpu_worker.crash_points import reach
from gpu_worker.engine import Engines, ModelNotLoaded, Transcription, Wishes
from gpu_worker.files import Files
from gpu_worker.gate import Gate
from gpu_worker.in_hand import InHand
from gpu_worker.items import (
    Abandoned,
    Failure,
    Item,
    MachineFault,
    OutOfMemory,
    Stopping,
    TookTooLong,
    fail,
    groups,
    passes,
)
from gpu_worker.lanes import Hint, Lanes
from gpu_worker.media import SAMPLE_RATE, Decoder, DecoderUnavailable, MediaError, begins_alone, peaks_of
from gpu_worker.memory import peak_mb
from gpu_worker.objects import Objects, PiecesMissing
from gpu_worker.run_tokens import RunTokens
from gpu_worker.settings import WorkSettings
from gpu_worker.speakers import SpeakerModel

log = structlog.get_logger()

MAX_CHUNK_SECONDS: Final = 600.0
RECEIVE_WAIT_SECONDS: Final = 1
RENEWALS_PER_LEASE: Final = 4
FILE_RENEWAL_SECONDS: Final = 2.0
"""Parts of files tell this often how far they are, and learn that nobody wants them any more."""
FRONT_SECONDS: Final = 1.0
"""While a part is heard, somebody who records is looked for this often."""
DECODE_THREADS: Final = 4
UNREADABLE: Final = "the uploaded file could not be read from storage"
TOO_LONG: Final = "it took longer than anything of its length may"

GIVEN_UP: Final = (Stopping, Abandoned, TookTooLong, MachineFault, OutOfMemory)
"""Ends of work that say nothing of the chunk that the model is at."""

Transcribed = tuple[Item, Transcription]


def _begins_alone(path: Path) -> bool:
    with path.open("rb") as file:
        return begins_alone(file.read(12))


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


class Worker:
    """One process's work; `stop` may be set from a signal handler."""

    def __init__(
        self,
        settings: WorkSettings,
        engines: Engines,
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
        self._engines = engines
        self._rows = rows
        self._lanes = lanes
        self._objects = objects
        self._tokens = tokens
        self._stop = stop
        self._decoder = decoder
        self._in_hand = in_hand
        self._gate = gate
        self._speakers = speakers
        self._chunks_at_once = settings.chunks_at_once or (8 if engines.own.on_gpu else 2)
        self._parts_at_once = 2 if engines.own.on_gpu else 1
        self._files = Files(rows, lanes, objects, settings.lease_seconds)
        self._open: list[Item] = []
        self._renewed_at = 0.0
        self._front_at = 0.0
        self._chunks_done = 0
        self._first_mb = 0.0

    def run(self) -> None:
        """Serves until told to stop, due for a new process, or needed by nobody.

        Raises:
            MachineFault: the run was told, and what was in hand is given back.
        """
        try:
            self._serve()
        finally:
            self._files.give_back()

    def _serve(self) -> None:
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
                waiting = self._files.next()
                wait_s = 0 if waiting else RECEIVE_WAIT_SECONDS
                hints = self._lanes.receive(
                    self._chunks_at_once, wait_s, backlog=self._gate.is_open(), most_files=self._parts_at_once
                )
                items = self._claim([*waiting, *hints])
                if items:
                    self._process(items)
                self._files.look()
                if items or not self._files.is_idle:
                    worked_at = time.monotonic()
            except MachineFault as fault:
                self._tokens.failed(fault.error, str(fault))
                raise
            if items and self._files.is_idle and self._is_worn():
                return
            if time.monotonic() - worked_at > self._settings.idle_seconds:
                self._finish()
            self._tokens.heartbeat()

    def _check_disk(self) -> None:
        free_mb = shutil.disk_usage(tempfile.gettempdir()).free / 1024**2
        if free_mb < self._settings.min_free_disk_mb:
            raise MachineFault("DiskFull", f"only {free_mb:.0f} MB are free for uploaded files")

    def _is_worn(self) -> bool:
        """Whether a new process is due; memory is measured against what the first batch left."""
        memory = peak_mb()
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
        """What of these is ours to transcribe now; files are taken to be cut meanwhile."""
        self._in_hand.note([*self._noted(), *hints])
        items: list[Item] = []
        for hint in hints:
            if any((held.session_id, held.chunk_number) == (hint.session_id, hint.chunk_number) for held in self._noted()):
                self._lanes.show_again(hint, self._settings.lease_seconds)  # told twice
                continue
            if hint.is_source and not self._files.has_room:
                self._files.keep(hint)
                continue
            claimed = self._rows.claim(hint.session_id, hint.chunk_number, hint.backlog)
            reach("claiming")
            if isinstance(claimed, Claim):
                item = Item(hint, claimed, progress=claimed.progress)
                if claimed.is_source:
                    self._files.take(item)
                else:
                    items.append(item)
            elif claimed.retry_in_s is None:
                self._lanes.done(hint)
            else:
                self._lanes.show_again(hint, claimed.retry_in_s)
        return items

    def _noted(self) -> list[Hint]:
        return [item.hint for item in (*self._open, *self._files.items)]

    def _process(self, items: Sequence[Item]) -> None:
        """Takes claimed chunks to their end: done, failed, or released.

        What an unexpected error leaves in the middle keeps its lease: the process that follows gives it back (see
        in_hand), or another worker takes it over when the lease ends.
        """
        mine = list(items)
        before = self._open
        self._open = [*before, *mine]
        self._renewed_at = time.monotonic()
        end_by = time.monotonic() + self._settings.soft_limit_seconds
        last_resort = threading.Timer(self._settings.hard_limit_seconds, os.kill, (os.getpid(), signal.SIGKILL))
        last_resort.daemon = True
        last_resort.start()

        def progress() -> None:
            self._tokens.refresh()
            if self._stop.is_set() or self._tokens.stop_decided:
                raise Stopping
            if time.monotonic() > end_by:
                raise TookTooLong
            self._renew()
            if mine and all(item.lost for item in mine):
                raise Abandoned
            if any(item.claim.of_file for item in mine):
                self._serve_front()

        def close(item: Item) -> None:
            mine.remove(item)
            self._open.remove(item)

        try:
            reach("claimed")
            for group in groups(items):
                self._process_group(group, progress, close)
        except (Stopping, Abandoned, MachineFault) as why:
            log.info("released", chunks=len(mine), why=type(why).__name__)
            self._release(mine)
            if isinstance(why, MachineFault):
                raise
        except TookTooLong:
            for item in mine:
                self._fail(item, Failure(TOO_LONG, permanent=False))
        except OutOfMemory as why:
            if why.item in mine:  # else it is somebody's who went in front, and has been seen to
                log.error("out of memory", session_id=why.item.claim.session_id, chunk_number=why.item.claim.chunk_number)
                self._rows.blame(why.item.claim, why.item.alone, str(why))
                self._lanes.show_again(why.item.hint, 0)
                mine.remove(why.item)
            self._release(mine)
            raise
        finally:
            last_resort.cancel()
            self._open = before
        self._in_hand.note(self._noted())

    def _process_group(self, group: Sequence[Item], progress: Callable[[], None], close: Callable[[Item], None]) -> None:
        with ThreadPoolExecutor(max_workers=DECODE_THREADS) as pool:
            failures = list(pool.map(self._load, group))
        for item, failure in zip(group, failures, strict=True):
            if failure is not None:
                self._fail(item, failure)
                close(item)
        reach("decoded")
        progress()
        for item in group:
            if item.same is not None:
                self._commit(item, item.same, reused=True)
                close(item)
        ready = [item for item in group if item.audio is not None]
        self._isolate(ready)
        for item, transcription in self._transcribe(ready, progress, close):
            self._commit(item, self._with_voices(item, transcription))
            close(item)
            progress()

    def _serve_front(self) -> None:
        """While a part of a file is heard: somebody who records, or waits after Stop, goes first."""
        if time.monotonic() - self._front_at < FRONT_SECONDS:
            return
        self._front_at = time.monotonic()
        hints = self._lanes.receive_front(self._chunks_at_once)
        items = self._claim(hints) if hints else []
        if items:
            self._process(items)
        self._front_at = time.monotonic()

    def _release(self, items: Sequence[Item]) -> None:
        for item in items:
            self._rows.release(item.claim)
            self._lanes.show_again(item.hint, 0)

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
                if item.claim.of_file:
                    pass  # each part is a file of its own, and made once
                elif item.claim.chunk_number == 1 or _begins_alone(path):
                    item.content_key = "#".join(
                        (
                            item.claim.user_id,
                            sha256,
                            item.claim.language or "",
                            self._engines.own.model_name + ("+voices" if item.claim.diarize else ""),
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
            return Failure(UNREADABLE, permanent=False, passes=passes(error))
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

    def _transcribe(
        self, items: Sequence[Item], progress: Callable[[], None], close: Callable[[Item], None]
    ) -> list[Transcribed]:
        """One batch for those of whom the same is asked."""
        alike: dict[tuple[str | None, Wishes], list[Item]] = {}
        for item in items:
            wishes = Wishes(item.claim.language, item.claim.prompt, item.claim.hotwords)
            alike.setdefault((item.claim.model, wishes), []).append(item)
        return [
            done
            for (model, wishes), group in alike.items()
            for done in self._transcribe_group(group, model, wishes, progress, close)
        ]

    def _transcribe_group(
        self,
        items: Sequence[Item],
        model: str | None,
        wishes: Wishes,
        progress: Callable[[], None],
        close: Callable[[Item], None],
    ) -> list[Transcribed]:
        """All together; one by one when that fails, so that one bad chunk spoils no other."""
        audios = [item.audio for item in items if item.audio is not None]
        try:
            engine = self._engines.named(model)
        except ModelNotLoaded as error:  # the wish of one user is no trouble of all others
            log.error("model not loaded", model=model, error=str(error))
            for item in items:
                self._fail(item, Failure(f"the model {model} cannot be loaded on this machine", permanent=True))
                close(item)
            return []

        def transcribe(some: Sequence[Item]) -> list[Transcription]:
            def heard_to(index: int, seconds: float) -> None:
                item = some[index]
                if item.audio is not None:
                    item.progress = max(item.progress, min(1.0, seconds * SAMPLE_RATE / max(1, len(item.audio))))

            reach("model")
            return engine.transcribe([item.audio for item in some if item.audio is not None], wishes, progress, heard_to)

        try:
            return list(zip(items, transcribe(items), strict=True))
        except GIVEN_UP:
            raise
        except Exception:  # whatever it was, it must not take the other chunks along
            log.exception("batch failed", chunks=len(audios))
        results: list[Transcribed] = []
        for item in items:
            try:
                results.append((item, transcribe([item])[0]))
            except GIVEN_UP:
                raise
            except Exception as error:
                if _is_out_of_memory(error):
                    raise OutOfMemory(item) from error
                log.exception("chunk failed", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
                self._fail(item, Failure("the model failed on this chunk", permanent=False))
                close(item)
        return results

    def _commit(self, item: Item, transcription: Transcription, reused: bool = False) -> None:
        reach("transcribed")
        try:
            key = self._objects.write_result(item.claim, item.claim.model or self._engines.own.model_name, transcription)
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
        fail(self._rows, self._lanes, item, failure)

    def _renew(self) -> None:
        """Leases and visibility of everything in hand, at most every quarter of a lease."""
        every = self._settings.lease_seconds / RENEWALS_PER_LEASE
        if any(item.claim.of_file for item in self._open):
            every = min(every, FILE_RENEWAL_SECONDS)
        if time.monotonic() - self._renewed_at < every:
            return
        self._renewed_at = time.monotonic()
        self._tokens.heartbeat()
        for item in self._open:
            if item.lost:
                continue
            try:
                self._rows.renew(item.claim, item.progress if item.claim.of_file else 0.0)
                self._lanes.show_again(item.hint, self._settings.lease_seconds)
            except LeaseLost:
                item.lost = True
                log.warning("lease lost", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
        self._files.look()


def power_off(settings: WorkSettings, why: str) -> None:
    """Switches this machine off; nothing else happens on it after that."""
    log.warning("switching the machine off", why=why)
    subprocess.run(shlex.split(settings.poweroff_command), check=True)
