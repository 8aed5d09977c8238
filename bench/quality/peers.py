"""Runs faster-whisper on the same recordings.

Results can be cached in a folder, because they do not depend on the project's code. `npm run bench` does not use that folder, so
that all CPU times are from the same run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel

from quality.corpora import SAMPLE_RATE, Audio
from quality.scoring import Output, TimedWord

CACHE_FOLDER: Final = Path(__file__).parents[2] / ".local" / "bench" / "quality"
CHUNK_SECONDS: Final = 30.0
BATCH: Final = 4


class Peer:
    """One published model with faster-whisper."""

    def __init__(self, model: Path, language: str = "en", cache_folder: Path | None = None) -> None:
        """`cache_folder`: None: results are cached in memory only."""
        self._model = model
        self._cache_folder = cache_folder
        self._made: dict[str, Output] = {}
        self._language = language
        self._loaded: WhisperModel | None = None

    def run(self, kind: str, audio: Audio, chunk_s: float = CHUNK_SECONDS) -> Output:
        """Transcribes a recording. `kind`: sequential, batched (4), or sequential-chunks (each chunk separately)."""
        of = [
            kind,
            self._model.name,
            _size(self._model),
            self._language,
            chunk_s,
            version("faster-whisper"),
            version("ctranslate2"),
        ]
        key = hashlib.sha256(json.dumps(of).encode() + audio.tobytes()).hexdigest()[:24]
        if key not in self._made:
            self._made[key] = self._read_or_make(f"{kind}-{key}.json", lambda: self._transcribe(kind, audio, chunk_s))
        return self._made[key]

    def _read_or_make(self, name: str, make: Callable[[], Output]) -> Output:
        if self._cache_folder is None:
            return make()
        file = self._cache_folder / name
        if file.exists():
            cached = json.loads(file.read_text())
            return Output([TimedWord(**word) for word in cached["words"]], cpu_s=cached["cpu_s"], language=cached["language"])
        made = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(made)))
        return made

    def _transcribe(self, kind: str, audio: Audio, chunk_s: float) -> Output:
        model = self._loaded = self._loaded or WhisperModel(str(self._model), device="cpu", compute_type="int8")
        options = {"language": self._language, "beam_size": 5, "vad_filter": True, "word_timestamps": True}
        with_batches = BatchedInferencePipeline(model)
        kinds: dict[str, Callable[[], Iterable[tuple[float, Any]]]] = {
            "sequential": lambda: [(0.0, model.transcribe(audio, **options)[0])],
            "batched": lambda: [(0.0, with_batches.transcribe(audio, batch_size=BATCH, **options)[0])],
            "sequential-chunks": lambda: (
                (start / SAMPLE_RATE, model.transcribe(audio[start : start + size], **options)[0])
                for size in [round(chunk_s * SAMPLE_RATE)]
                for start in range(0, len(audio), size)
            ),
        }
        model.transcribe(np.zeros(SAMPLE_RATE, np.float32), language=self._language)
        started = time.process_time()
        words = [
            TimedWord(word.word, round(float(word.start) + shift_s, 3), round(float(word.end) + shift_s, 3))
            for shift_s, segments in kinds[kind]()
            for segment in segments
            for word in segment.words or ()
        ]
        return Output(words, cpu_s=time.process_time() - started)


def _size(model: Path) -> int:
    return (model / "model.bin").stat().st_size
