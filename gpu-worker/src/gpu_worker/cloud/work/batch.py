"""Transcribes claimed chunks in batches: load -> transcribe -> commit, fail or release each.

Gotchas:
- Leases are renewed between two steps of the model: a batch that hangs loses them.
- A failure of AWS that outlasts the client's retries ends the batch; its claims are released later (unsettled.py).
- Running out of memory may be a chunk's fault: it is transcribed alone next time, in a new process, and fails permanently
  after failing twice alone.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Final

import numpy as np
import structlog

from gpu_worker.cloud.crash_points import reach
from gpu_worker.cloud.stage.aws import AWS_ERRORS, is_transient, tolerated
from gpu_worker.cloud.stage.claims import LeaseLost
from gpu_worker.cloud.work.context import WorkContext
from gpu_worker.cloud.work.items import (
    Abandoned,
    Failure,
    Item,
    MachineFault,
    OutOfMemory,
    Stopping,
    TookTooLong,
    fail,
    groups,
)
from gpu_worker.cloud.work.loading import Loader
from gpu_worker.cloud.work.unsettled import Unsettled
from gpu_worker.speech.engine import (
    Clip,
    Engine,
    ModelNotLoaded,
    Options,
    Transcription,
    UnsupportedLanguage,
    with_speakers,
)
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.speakers import Limits

log = structlog.get_logger()

RENEWALS_PER_LEASE: Final = 4
FILE_RENEWAL_SECONDS: Final = 2.0
"""Parts of files are renewed this often: this stores their progress and detects cancellation."""
DECODE_THREADS: Final = 4
TIMED_OUT: Final = "processing took longer than the time limit"

INTERRUPTIONS: Final = (Stopping, Abandoned, TookTooLong, MachineFault, OutOfMemory)
"""Exceptions that end the whole batch instead of counting as a failure of one chunk."""

Transcribed = tuple[Item, Transcription]


def _clip_of(item: Item) -> Clip:
    """An item as the engine's input."""
    assert item.audio is not None
    lead_in = item.lead_in
    return Clip(
        audio=item.audio if lead_in is None else np.concatenate((lead_in.audio, item.audio), axis=-1),
        options=Options(item.claim.language, item.claim.prompt, item.claim.hotwords),
        lead_in_s=0.0 if lead_in is None else lead_in.seconds,
        likely_language=item.likely_language,
    )


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


class Batches:
    """The batches of one worker. A batch of file parts lets recordings pass: it is then interrupted by a nested batch."""

    def __init__(
        self,
        context: WorkContext,
        unsettled: Unsettled,
        on_renewal: Callable[[], None],
        between_parts: Callable[[], None],
    ) -> None:
        """`on_renewal` is called at every renewal of leases, `between_parts` at every step of a file part."""
        self._context = context
        self._unsettled = unsettled
        self._loader = Loader(
            context.rows,
            context.objects,
            context.decoder,
            context.session_languages,
            context.engines.own.model_name,
            context.speakers.name,
        )
        self._on_renewal = on_renewal
        self._between_parts = between_parts
        self._renewed_at = 0.0
        self.open: list[Item] = []
        """Claimed items that are neither done, failed nor released."""
        self.done = 0
        """Number of committed chunks."""

    def process(self, items: Sequence[Item]) -> None:
        """Processes claimed chunks until each is done, failed or released.

        If AWS fails, the unfinished chunks become unsettled. Chunks that an unexpected error leaves unfinished keep their
        lease: the next process releases them (see claim_note), or another worker claims them after the lease has expired.
        """
        remaining = list(items)
        already_open = self.open
        self.open = [*already_open, *remaining]
        self._renewed_at = time.monotonic()
        deadline = time.monotonic() + self._context.settings.soft_limit_seconds
        kill_timer = threading.Timer(self._context.settings.hard_limit_seconds, os.kill, (os.getpid(), signal.SIGKILL))
        kill_timer.daemon = True
        kill_timer.start()

        def on_step() -> None:
            if any(item.claim.of_file for item in remaining):
                reach("part-batch")
            with tolerated("refresh"):
                self._context.tokens.refresh()
            if self._context.stop.is_set() or self._context.tokens.stop_decided:
                raise Stopping
            if time.monotonic() > deadline:
                raise TookTooLong
            self._renew()
            if remaining and all(item.lost for item in remaining):
                raise Abandoned
            if any(item.claim.of_file for item in remaining):
                self._between_parts()

        def close(item: Item) -> None:
            remaining.remove(item)
            self.open.remove(item)

        try:
            self._finish(items, remaining, on_step, close)
        except AWS_ERRORS as error:
            if is_transient(error):
                self._unsettled.add(item.message for item in remaining)
            raise
        finally:
            kill_timer.cancel()
            self.open = already_open

    def _finish(
        self, items: Sequence[Item], remaining: list[Item], on_step: Callable[[], None], close: Callable[[Item], None]
    ) -> None:
        """Processes the items; releases or fails the `remaining` ones if the batch is interrupted."""
        try:
            reach("claimed")
            for group in groups(items):
                self._process_group(group, on_step, close)
        except (Stopping, Abandoned, MachineFault) as why:
            log.info("chunks released", chunks=len(remaining), why=type(why).__name__)
            self._release(remaining)
            if isinstance(why, MachineFault):
                raise
        except TookTooLong:
            for item in remaining:
                self._fail(item, Failure(TIMED_OUT, permanent=False))
        except OutOfMemory as why:
            if why.item in remaining:  # otherwise a nested call of _process has already handled it
                log.error("out of memory", session_id=why.item.claim.session_id, chunk_number=why.item.claim.chunk_number)
                self._context.rows.blame(why.item.claim, why.item.alone, str(why))
                self._context.lanes.set_visibility(why.item.message, 0)
                remaining.remove(why.item)
            self._release(remaining)
            raise

    def _process_group(self, group: Sequence[Item], on_step: Callable[[], None], close: Callable[[Item], None]) -> None:
        """Loads and transcribes a group. `on_step` raises to interrupt the work; `close` removes a finished item."""
        with ThreadPoolExecutor(max_workers=DECODE_THREADS) as pool:
            failures = list(pool.map(self._loader.load, group))
        for item, failure in zip(group, failures, strict=True):
            if failure is not None:
                self._fail(item, failure)
                close(item)
        reach("decoded")
        on_step()
        for item in group:
            if item.existing_result is not None:
                self._commit(item, item.existing_result, reused=True)
                close(item)
        ready = [item for item in group if item.audio is not None]
        self._mark_suspects(ready)
        for item, transcription in self._transcribe(ready, on_step, close):
            if transcription.confident_language is not None:
                self._context.session_languages.note(item.claim, transcription.confident_language)
            damaged, no_signal = (tuple((span.start, span.end) for span in of) for of in (item.damaged, item.no_signal))
            self._commit(
                item, replace(self._with_speakers(item, transcription, on_step), damaged=damaged, no_signal=no_signal)
            )
            close(item)
            on_step()

    def _release(self, items: Sequence[Item]) -> None:
        for item in items:
            self._context.rows.release(item.claim)
            self._context.lanes.set_visibility(item.message, 0)

    def _mark_suspects(self, group: Sequence[Item]) -> None:
        """Marks suspects as alone before the model gets them. Media decoding needs no mark: it cannot end the worker."""
        for item in group:
            if item.claim.suspect:
                with suppress(LeaseLost):
                    self._context.rows.mark_alone(item.claim)
                    item.alone = True

    def _with_speakers(self, item: Item, transcription: Transcription, on_step: Callable[[], None]) -> Transcription:
        """The transcription with speakers, if they are requested and can be detected."""
        if not item.claim.diarize or item.audio is None or item.audio.ndim == 2:
            return transcription
        model = self._context.speakers.model()
        try:
            if model is not None:
                limits = Limits(item.claim.least_speakers, item.claim.max_speakers)
                return with_speakers(model, item.audio, transcription, limits, on_step)
        except INTERRUPTIONS:
            raise
        except Exception:
            log.exception("no speakers", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
        item.content_key = None  # not reused: the same audio can have speakers later
        return transcription

    def _transcribe(
        self, items: Sequence[Item], on_step: Callable[[], None], close: Callable[[Item], None]
    ) -> list[Transcribed]:
        """Transcribes one batch per model."""
        by_model: dict[str | None, list[Item]] = {}
        for item in items:
            by_model.setdefault(item.claim.model, []).append(item)
        return [done for model, group in by_model.items() for done in self._transcribe_group(group, model, on_step, close)]

    def _engine_for(
        self, items: Sequence[Item], model: str | None, close: Callable[[Item], None]
    ) -> tuple[Engine | None, list[Item]]:
        """Loads the engine and selects the items that it can transcribe; fails the others permanently."""
        try:
            engine = self._context.engines.named(model)
        except ModelNotLoaded as error:
            log.error("model not loaded", model=model, error=str(error))
            self._refuse(items, f"the model {model} cannot be loaded on this machine", close)
            return None, []
        able: list[Item] = []
        for item in items:
            try:
                engine.model.check_language(item.claim.language)
                able.append(item)
            except UnsupportedLanguage as error:
                self._refuse([item], str(error), close)
        return engine, able

    def _refuse(self, items: Sequence[Item], reason: str, close: Callable[[Item], None]) -> None:
        for item in items:
            self._fail(item, Failure(reason, permanent=True))
            close(item)

    def _transcribe_group(
        self,
        items: Sequence[Item],
        model: str | None,
        on_step: Callable[[], None],
        close: Callable[[Item], None],
    ) -> list[Transcribed]:
        """Transcribes a batch; on failure each item alone, so that one bad chunk fails no other."""
        engine, items = self._engine_for(items, model, close)
        if engine is None or not items:
            return []

        def transcribe(batch: Sequence[Item]) -> list[Transcription]:
            def transcribed_to(index: int, seconds: float) -> None:
                item = batch[index]
                if item.audio is not None:
                    item.progress = max(item.progress, min(1.0, seconds * SAMPLE_RATE / max(1, item.audio.shape[-1])))

            reach("model")
            return engine.transcribe([_clip_of(item) for item in batch], on_step, transcribed_to)

        try:
            return list(zip(items, transcribe(items), strict=True))
        except INTERRUPTIONS:
            raise
        except Exception:  # any error of one chunk must not fail the others
            log.exception("batch failed", chunks=len(items))
        results: list[Transcribed] = []
        for item in items:
            try:
                results.append((item, transcribe([item])[0]))
            except INTERRUPTIONS:
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
            model = item.claim.model or self._context.engines.own.model_name
            speaker_model = self._context.speakers.name
            key = self._context.objects.write_result(item.claim, model, transcription, item.lead_in, speaker_model)
            reach("result-written")
            seconds = transcription.duration_seconds
            self._context.rows.commit(
                item.claim, key, transcription.text, seconds, item.content_key, item.peaks, item.stream_start, reused
            )
            log.info(
                "chunk done",
                session_id=item.claim.session_id,
                chunk_number=item.claim.chunk_number,
                audio_seconds=seconds,
                reused=reused,
            )
        except LeaseLost:
            log.warning("lease lost", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
            return  # the message belongs to the new holder
        reach("committed")
        self.done += 1
        self._context.lanes.delete(item.message)

    def _fail(self, item: Item, failure: Failure) -> None:
        fail(self._context.rows, self._context.lanes, item, failure)

    def _renew(self) -> None:
        """Renews the leases and the visibility of all open items, at most every quarter of a lease."""
        every = self._context.settings.lease_seconds / RENEWALS_PER_LEASE
        if any(item.claim.of_file for item in self.open):
            every = min(every, FILE_RENEWAL_SECONDS)
        if time.monotonic() - self._renewed_at < every:
            return
        with tolerated("renew"):
            self._context.tokens.heartbeat()
            for item in self.open:
                if item.lost:
                    continue
                try:
                    self._context.rows.renew(item.claim, item.progress if item.claim.of_file else 0.0)
                    self._context.lanes.set_visibility(item.message, self._context.settings.lease_seconds)
                except LeaseLost:
                    item.lost = True
                    log.warning("lease lost", session_id=item.claim.session_id, chunk_number=item.claim.chunk_number)
            self._on_renewal()
            self._renewed_at = time.monotonic()
