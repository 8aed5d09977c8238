"""How good a model is, through the worker's own engine: word error rate, and how far words are from where they were said."""

from __future__ import annotations

import time
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from demo_model.held_out import HeldOut, read_index
from gpu_worker.engine import Engine, Wishes
from gpu_worker.segments import Word
from gpu_worker.settings import EngineSettings


@dataclass
class Figures:
    """Of one set."""

    files: int = 0
    words: int = 0
    errors: int = 0
    """Words left out, put in, or taken for others."""
    starts_off_ms: list[float] = field(default_factory=list)
    """Of each word that was understood: how far its start is from the true one."""
    audio_seconds: float = 0.0
    work_seconds: float = 0.0

    @property
    def error_rate(self) -> float:
        """Errors by words; words where nobody speaks count as 1 each."""
        return self.errors / max(1, self.words)

    def add(self, truth: HeldOut, heard: list[Word]) -> None:
        """Counts one file."""
        said, understood = [word for word, _, _ in truth.words], [word.word.strip() for word in heard]
        self.files += 1
        self.words += len(said)
        self.audio_seconds += truth.duration_seconds
        for block in Levenshtein.opcodes(said, understood).as_matching_blocks():
            for index in range(block.size):
                off_s = heard[block.b + index].start - truth.words[block.a + index][1]
                self.starts_off_ms.append(abs(off_s) * 1000)
        self.errors += Levenshtein.distance(said, understood)


def _read(path: Path) -> npt.NDArray[np.float32]:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples.astype(np.float32) / np.float32(32768)


def evaluate(model: Path, held_out: Path) -> dict[str, Figures]:
    """Figures by set, in the order of the index. Raises FileNotFoundError."""
    index = read_index(held_out)
    engine = Engine(EngineSettings(model=str(model), device="cpu"))
    found: dict[str, Figures] = {}
    for truth in index:
        figures = found.setdefault(truth.set, Figures())
        began_s = time.perf_counter()
        [heard] = engine.transcribe([_read(held_out / f"{truth.name}.wav")], Wishes("en"), lambda: None)
        figures.work_seconds += time.perf_counter() - began_s
        figures.add(truth, [word for segment in heard.segments for word in segment.words])
    return found


def table(found: dict[str, Figures]) -> str:
    """The figures as a table in Markdown."""
    lines = [
        "| set | files | words | word error rate | word start, median / p90 | real-time factor |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        rate = f"{one.error_rate:.1%}" if one.words else f"{one.errors} words heard"
        off = (
            "/".join(f" {value:.0f} ms " for value in np.quantile(one.starts_off_ms, [0.5, 0.9]))
            if one.starts_off_ms
            else " "
        )
        speed = one.work_seconds / one.audio_seconds
        lines.append(f"| {name} | {one.files} | {one.words} | {rate} |{off}| {speed:.3f} |")
    return "\n".join(lines)
