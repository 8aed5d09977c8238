"""Transcribes many clips together with one model.

Each clip decides what is decoded of it (clip_decoder.py); this module runs compatible windows of all clips in batches.

Gotcha: batches are formed by length and settings only, so the other windows of a batch never change a text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import structlog

from gpu_worker.memory import keep_freed
from gpu_worker.speech.engine.channels import clips_of, of_all_channels
from gpu_worker.speech.engine.clip import Clip, Transcription
from gpu_worker.speech.engine.clip_decoder import ClipDecoder
from gpu_worker.speech.engine.jobs import Job
from gpu_worker.speech.engine.model import ENGLISH, Model, Task, choose_compute
from gpu_worker.speech.models import ModelUnavailable, resolved
from gpu_worker.speech.settings import EngineSettings

log = structlog.get_logger()


class ModelNotLoaded(RuntimeError):
    """The requested model cannot be loaded on this machine."""


def _ignore(*_: object) -> None:
    """A callback that does nothing."""


class Engines:
    """The worker's own model, and at most one other that was requested."""

    def __init__(self, settings: EngineSettings) -> None:
        keep_freed()
        self.own = Engine(settings)
        self._settings = settings
        self._other: tuple[str, Engine] | None = None

    def named(self, name: str | None) -> Engine:
        """The engine with this model; the worker's own without a name. Raises ModelNotLoaded."""
        if name is None or name == self.own.model_name:
            return self.own
        if self._other is not None and self._other[0] == name:
            return self._other[1]
        self._other = None  # frees its memory first
        try:
            engine = Engine(resolved(self._settings.model_copy(update={"model": name, "model_name": ""})))
        except (ModelUnavailable, RuntimeError, ValueError, OSError) as error:
            raise ModelNotLoaded(f"the model {name} cannot be loaded: {error}") from error
        self._other = (name, engine)
        return engine


class Engine:
    """A loaded model."""

    def __init__(self, settings: EngineSettings) -> None:
        device, compute_type = choose_compute(settings.device, settings.compute_type)
        folder = Path(settings.model)
        self.model_name = settings.model_name or (folder.name if folder.is_dir() else settings.model)
        self.model = Model(settings.model, device, compute_type, settings.cpu_threads)
        self.languages = self.model.languages
        """Codes of the languages that the model supports."""
        self.on_gpu = device == "cuda"
        self._batch_windows = settings.batch_windows or (16 if self.on_gpu else 4)
        log.info("model loaded", model=self.model_name, device=device, compute_type=compute_type)

    def check(self) -> None:
        """Decodes a full window of noise, which shows whether there is enough memory for a clip. Raises RuntimeError."""
        noise = np.random.default_rng(0).standard_normal(self.model.longest_samples, dtype=np.float32) * np.float32(0.01)
        task = Task(noise, self.model.longest_samples, ENGLISH)
        self.model.decode([task], self.model.encode([task]), [(ENGLISH, 1.0)])

    def transcribe(
        self,
        clips: Sequence[Clip],
        on_step: Callable[[], None] = _ignore,
        transcribed_to: Callable[[int, float], None] = _ignore,
    ) -> list[Transcription]:
        """Transcribes clips together; the result of each is the same as alone.

        Args:
            clips: Audio with options.
            on_step: Called after each step of work; may raise to interrupt.
            transcribed_to: Called with a clip's index and its transcribed seconds.

        Raises:
            UnsupportedLanguage: The model does not support a requested language.
        """
        decoders: list[ClipDecoder] = []
        clip_of: list[int] = []
        ready: list[Job] = []
        for number, clip in enumerate(clips):
            for channel in clips_of(clip):
                decoders.append(ClipDecoder(len(decoders), channel, self.model))
                clip_of.append(number)
                ready += decoders[-1].start()
                on_step()
        while ready:
            batch = self._next_batch(ready)
            ready += self._run(decoders, batch)
            for number in {clip_of[job.clip] for job in batch}:
                own = [decoder.done_seconds for decoder, clip in zip(decoders, clip_of, strict=True) if clip == number]
                transcribed_to(number, max(own))  # a silent channel has none
            on_step()
        results = [decoder.result() for decoder in decoders]
        return [
            of_all_channels([result for result, of in zip(results, clip_of, strict=True) if of == number])
            if clip.audio.ndim == 2
            else results[clip_of.index(number)]
            for number, clip in enumerate(clips)
        ]

    def _next_batch(self, ready: list[Job]) -> list[Job]:
        """Removes the next batch from the list: jobs of the most frequent key."""
        waiting: dict[tuple[object, ...], list[Job]] = {}
        for job in ready:
            waiting.setdefault(job.batch_key, []).append(job)
        batch = max(waiting.values(), key=len)[: self._batch_windows]
        for job in batch:
            ready.remove(job)
        return batch

    def _run(self, decoders: Sequence[ClipDecoder], batch: Sequence[Job]) -> list[Job]:
        """Runs a batch; returns the jobs that follow from it."""
        encoded = self.model.encode([job.task for job in batch])
        follow: list[Job] = []
        known: list[int] = []
        languages: list[tuple[str, float]] = []
        detected = self.model.detect(encoded) if any(job.task.language is None for job in batch) else []
        for index, job in enumerate(batch):
            if job.task.language is not None:
                choice: tuple[str, float] | list[Job] = (job.task.language, 1.0)
            else:
                choice = decoders[job.clip].choose_language(job, detected[index])
            if isinstance(choice, list):
                follow += choice
            else:
                known.append(index)
                languages.append(choice)
        if known:
            part = encoded if len(known) == len(batch) else self.model.part_of(encoded, known)
            jobs = [batch[index] for index in known]
            for job, decoded in zip(jobs, self.model.decode([job.task for job in jobs], part, languages), strict=True):
                follow += decoders[job.clip].accept(job, decoded)
        return follow
