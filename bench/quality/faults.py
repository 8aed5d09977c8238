"""Engines with planted faults, which a measurement or a test must detect."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gpu_worker.speech.engine import Engine, Transcription
from gpu_worker.speech.engine.model import Decoded, Model, Task
from gpu_worker.speech.media import SAMPLE_RATE


class _FaultyModel(Model):
    """A copy of a loaded model. Subclasses replace one method."""

    def __init__(self, model: Model) -> None:
        self.__dict__.update(model.__dict__)


class StopsEarly(_FaultyModel):
    """Ends the text of half of all windows after the first sentence. As in alignment, the last word covers the skipped audio."""

    def decode(self, tasks: Sequence[Task], encoded: Any, languages: Sequence[tuple[str, float]]) -> list[Decoded]:
        """Decodes with the model, then cuts the text."""
        decoded = super().decode(tasks, encoded, languages)
        return [
            _first_sentence(one, task) if zlib.crc32(task.audio.tobytes()) % 2 else one
            for task, one in zip(tasks, decoded, strict=True)
        ]


def _first_sentence(decoded: Decoded, task: Task) -> Decoded:
    for index, word in enumerate(decoded.words[:-1]):
        if word.word.rstrip().endswith((".", "?", "!")):
            last = replace(word, end=len(task.audio) / SAMPLE_RATE)
            kept = (*decoded.words[:index], last)
            return replace(decoded, words=kept, tokens=decoded.tokens[: len(decoded.tokens) * len(kept) // len(decoded.words)])
    return decoded


class SharesLanguage(_FaultyModel):
    """Uses the language of a batch's first window for all windows, as batched pipelines do."""

    def detect(self, encoded: Any) -> list[list[tuple[str, float]]]:
        """Returns the first window's languages for every window."""
        found = super().detect(encoded)
        return [found[0]] * len(found)


def planted(engine: Engine, fault: type[_FaultyModel]) -> Engine:
    """A copy of the engine with a faulty model."""
    faulty = object.__new__(Engine)
    faulty.__dict__.update(engine.__dict__)
    faulty.model = fault(engine.model)
    return faulty


def without_boundary_word(made: Transcription) -> Transcription:
    """Drops the words at both sides of a boundary, from both texts."""
    kept = [replace(segment, words=segment.words[1:] if n == 0 else segment.words) for n, segment in enumerate(made.segments)]
    if kept:
        kept[-1] = replace(kept[-1], words=kept[-1].words[:-1])
    return replace(made, segments=tuple(segment for segment in kept if segment.words), lead_in=made.lead_in[:-1])
