"""The transcription engine: many chunks at once through one faster-whisper model. The only file that imports it.

Steps per batch: speech intervals of every chunk (VAD) -> windows no longer than the model's own `chunk_length` ->
windows of all chunks concatenated -> faster-whisper's batched pipeline with one clip per window -> words
back to their chunk's time.

Gotchas:
- Silence never reaches the model: a chunk without speech is a result without segments.
- A window starts on a whole half second of the concatenation: exact in floating point, so that a segment's `seek` (in
  feature frames, cut off to a whole number) tells which window it is from.
- The pipeline's segments are a generator that computes as it is read, and can be read once.
- Models fall into loops, and sometimes hear nothing where somebody speaks. Such a window is decoded once more, alone and
  with other settings; what then still loops is cut off where it begins to, and what is still not heard is said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import ctranslate2
import numpy as np
import numpy.typing as npt
import structlog
from faster_whisper import BatchedInferencePipeline, WhisperModel, download_model
from faster_whisper.utils import _MODELS
from faster_whisper.vad import VadOptions, get_speech_timestamps, get_vad_model

from gpu_worker.media import SAMPLE_RATE
from gpu_worker.memory import keep_freed
from gpu_worker.segments import Interval, Segment, Word, loop_start, pack, split, spread
from gpu_worker.settings import EngineSettings

log = structlog.get_logger()

Audio = npt.NDArray[np.float32]
FRAMES_PER_SECOND: Final = 100
CLIP_STEP_SAMPLES: Final = SAMPLE_RATE // 2
VAD_MIN_SILENCE_MS: Final = 300
VAD_PAD_MS: Final = 150
RUN_WINDOWS: Final = 16
"""Windows whose features are reckoned together, at least: a window takes 1 MB, and a part of a file has many."""
VAD_STEP_FRAMES: Final = 500
"""Frames of 32 ms that the speech detector takes at once."""
SILENT_PEAK: Final = 0.001
"""Audio that is never louder (-60 dB of full scale) holds no speech; nobody need look closer."""
UNHEARD_SECONDS: Final = 2.0
"""So much speech without a word is no result."""


@dataclass(frozen=True)
class Transcription:
    """Text of one chunk; no segments: nobody speaks."""

    language: str
    duration_seconds: float
    segments: tuple[Segment, ...]
    unheard: tuple[tuple[float, float], ...] = ()
    """Where somebody speaks and no words were found, in seconds."""

    @property
    def text(self) -> str:
        """All segments as one line."""
        return " ".join(segment.text for segment in self.segments)


@dataclass(frozen=True)
class Wishes:
    """What a user asks of the model beside the text."""

    language: str | None = None
    """ISO 639 code; None: English-only models take English, others find out."""
    prompt: str | None = None
    """Text that the recording is taken to follow."""
    hotwords: str | None = None
    """Words to listen for."""


def _nobody_asks(index: int, seconds: float) -> None:
    """Hears of progress and does nothing with it."""


def choose_compute(device: str, compute_type: str) -> tuple[str, str]:
    """Device and type for `auto`: CUDA float16 where it is supported, else CUDA int8_float16, else CPU int8."""
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu"
    if compute_type == "auto":
        supported = ctranslate2.get_supported_compute_types(device)
        wanted = ["float16", "int8_float16"] if device == "cuda" else []
        compute_type = next((kind for kind in wanted if kind in supported), "int8")
    return device, compute_type


def repository_of(name: str) -> str | None:
    """Hub repository of a published model (`base.en`, `large-v3`, or `owner/name` itself); None for an unknown name."""
    return name if "/" in name else _MODELS.get(name)


def cached_model(name: str) -> str | None:
    """Folder of a published model that this machine has already."""
    try:
        return str(download_model(name, local_files_only=True))
    except (OSError, ValueError, RuntimeError):
        return None


class InSteps:
    """An ONNX session of the speech detector that takes long audio in steps: as a whole it needs 400 KB of memory a second.

    The state goes from step to step, so the answer is the same.
    """

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - onnxruntime has no types
        self._session = session

    def run(self, names: None, inputs: dict[str, npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        """As the session's own; `input` is float32 [n_frames, n_samples]."""
        h, c = inputs["h"], inputs["c"]
        found = []
        for at in range(0, len(inputs["input"]), VAD_STEP_FRAMES):
            part, h, c = self._session.run(names, {"input": inputs["input"][at : at + VAD_STEP_FRAMES], "h": h, "c": c})
            found.append(part)
        return [np.concatenate(found), h, c]


def _detect_in_steps() -> None:
    """The detector is loaded once for the process, and shared."""
    detector = get_vad_model()
    if not isinstance(detector.session, InSteps):
        detector.session = InSteps(detector.session)


class ModelNotLoaded(RuntimeError):
    """A model that somebody asked for cannot be had on this machine."""


class Engines:
    """The worker's own model, and at most one other that somebody asked for."""

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
        self._other = None  # its memory first
        try:
            engine = Engine(self._settings.model_copy(update={"model": name, "model_name": ""}))
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelNotLoaded(f"the model {name} cannot be loaded: {error}") from error
        self._other = (name, engine)
        return engine


class Engine:
    """One loaded model."""

    def __init__(self, settings: EngineSettings) -> None:
        device, compute_type = choose_compute(settings.device, settings.compute_type)
        folder = Path(settings.model)
        self.model_name = settings.model_name or (folder.name if folder.is_dir() else settings.model)
        self._model = WhisperModel(
            settings.model, device=device, compute_type=compute_type, cpu_threads=settings.cpu_threads
        )
        self._pipeline = BatchedInferencePipeline(self._model)
        _detect_in_steps()
        self.on_gpu = device == "cuda"
        self._batch_windows = settings.batch_windows or (16 if self.on_gpu else 4)
        self._window_samples = int(self._model.feature_extractor.chunk_length * SAMPLE_RATE)
        log.info("model loaded", model=self.model_name, device=device, compute_type=compute_type)

    def check(self) -> None:
        """Runs the model once, over noise: what has no memory for this has none for any chunk. Raises RuntimeError."""
        noise = np.random.default_rng(0).standard_normal(self._window_samples, dtype=np.float32) * np.float32(0.01)
        window = Interval(0, len(noise))
        self._run([noise], [(0, window)], Wishes("en"), [[]], lambda: None, _nobody_asks)

    def transcribe(
        self,
        chunks: Sequence[Audio],
        wishes: Wishes,
        progress: Callable[[], None],
        heard_to: Callable[[int, float], None] = _nobody_asks,
    ) -> list[Transcription]:
        """Transcribes chunks with the same wishes together.

        Args:
            chunks: float32 [n_samples] each, 16 kHz, -1 to 1.
            wishes: the same for all.
            progress: called after every step that took real work; may raise to give up.
            heard_to: called with a chunk's index and the seconds of it that the model has heard.
        """
        windows: list[tuple[int, Interval]] = []
        speech: list[list[Interval]] = []
        for index, audio in enumerate(chunks):
            speech.append(self._speech(audio))
            windows += [(index, window) for window in pack(speech[index], self._window_samples)]
            progress()
        found: list[list[Segment]] = [[] for _ in windows]
        spoken = wishes.language or "en"
        together = max(RUN_WINDOWS, self._batch_windows)
        for at in range(0, len(windows), together):
            some = slice(at, at + together)
            spoken = self._run(chunks, windows[some], wishes, found[some], progress, heard_to)
            wishes = replace(wishes, language=spoken)
        segments: list[list[Segment]] = [[] for _ in chunks]
        unheard: list[list[tuple[float, float]]] = [[] for _ in chunks]
        for (index, window), heard in zip(windows, found, strict=True):
            parts = [part for part in speech[index] if part.start < window.end and part.end > window.start]
            sure = self._listen_again(chunks[index], window, parts, heard, spoken, progress)
            segments[index] += [piece for segment in sure for piece in split(segment)]
            if not sure and _seconds_of(parts, window) > UNHEARD_SECONDS:
                unheard[index].append((_seconds(window.start / SAMPLE_RATE), _seconds(window.end / SAMPLE_RATE)))
        return [
            Transcription(spoken, round(len(audio) / SAMPLE_RATE, 3), tuple(heard), tuple(not_heard))
            for audio, heard, not_heard in zip(chunks, segments, unheard, strict=True)
        ]

    def _listen_again(
        self,
        audio: Audio,
        window: Interval,
        speech: Sequence[Interval],
        heard: list[Segment],
        language: str,
        progress: Callable[[], None],
    ) -> list[Segment]:
        """Segments of a window that can be believed: decoded once more where there is a loop, or speech without words."""
        loops = loop_start(_words(heard)) is not None
        if not loops and (heard or _seconds_of(speech, window) <= UNHEARD_SECONDS):
            return heard
        again, _ = self._model.transcribe(
            audio[window.start : window.end],
            language=language,
            vad_filter=False,
            word_timestamps=True,
            condition_on_previous_text=False,
            no_speech_threshold=None,
            log_prob_threshold=None,
            repetition_penalty=1.3 if loops else 1.0,
            no_repeat_ngram_size=3 if loops else 0,
        )
        shift_s, end_s = window.start / SAMPLE_RATE, window.end / SAMPLE_RATE
        second = [segment for segment in (_segment(raw, shift_s, end_s) for raw in again) if segment.text]
        progress()
        log.info("decoded again", loops=loops, words=len(_words(second)))
        cut = loop_start(_words(second))
        return second if cut is None else _until_word(second, cut)

    def _speech(self, audio: Audio) -> list[Interval]:
        if len(audio) == 0 or float(np.abs(audio).max()) < SILENT_PEAK:
            return []
        options = VadOptions(
            max_speech_duration_s=self._window_samples / SAMPLE_RATE,
            min_silence_duration_ms=VAD_MIN_SILENCE_MS,
            speech_pad_ms=VAD_PAD_MS,
        )
        return [Interval(part["start"], part["end"]) for part in get_speech_timestamps(audio, options)]

    def _run(
        self,
        chunks: Sequence[Audio],
        windows: Sequence[tuple[int, Interval]],
        wishes: Wishes,
        into: list[list[Segment]],
        progress: Callable[[], None],
        heard_to: Callable[[int, float], None],
    ) -> str:
        """Runs the model over all windows, segments by window; answers the language."""
        pieces: list[Audio] = []
        clips: list[dict[str, float]] = []
        by_seek: dict[int, int] = {}
        position = 0
        for number, (index, window) in enumerate(windows):
            piece = chunks[index][window.start : window.end]
            start_s = position / SAMPLE_RATE
            by_seek[int(start_s * FRAMES_PER_SECOND)] = number
            clips.append({"start": start_s, "end": start_s + len(piece) / SAMPLE_RATE})
            pieces.append(np.pad(piece, (0, -len(piece) % CLIP_STEP_SAMPLES)))
            position += len(pieces[-1])
        found, info = self._pipeline.transcribe(
            np.concatenate(pieces),
            language=wishes.language,
            initial_prompt=wishes.prompt,
            hotwords=wishes.hotwords,
            clip_timestamps=clips,
            vad_filter=False,
            batch_size=self._batch_windows,
            word_timestamps=True,
        )
        for raw in found:
            number = by_seek[raw.seek]
            index, window = windows[number]
            shift_s = window.start / SAMPLE_RATE - clips[number]["start"]
            segment = _segment(raw, shift_s, window.end / SAMPLE_RATE)
            if segment.text:
                into[number].append(segment)
            heard_to(index, window.end / SAMPLE_RATE)
            progress()
        return str(info.language)


def _seconds(value: float) -> float:
    """A plain float (not numpy's), to the millisecond."""
    return round(float(value), 3)


def _segment(raw: Any, shift_s: float, end_s: float) -> Segment:  # noqa: ANN401 - faster-whisper's own class
    """A segment of the concatenation in its chunk's time; no word outlasts its window."""
    words = tuple(
        Word(
            word.word,
            _seconds(min(word.start + shift_s, end_s)),
            _seconds(min(word.end + shift_s, end_s)),
            round(float(word.probability), 4),
        )
        for word in raw.words or ()
    )
    text = raw.text.strip()
    start, end = _seconds(raw.start + shift_s), _seconds(min(raw.end + shift_s, end_s))
    return Segment(
        text=text,
        start=start,
        end=end,
        avg_logprob=round(float(raw.avg_logprob), 4),
        no_speech_prob=round(float(raw.no_speech_prob), 4),
        compression_ratio=round(float(raw.compression_ratio), 4),
        words=words or spread(text, start, max(start, end)),
    )


def _words(segments: Sequence[Segment]) -> list[str]:
    return [word.word for segment in segments for word in segment.words]


def _until_word(segments: Sequence[Segment], count: int) -> list[Segment]:
    """The first words of some segments."""
    kept: list[Segment] = []
    for segment in segments:
        words = segment.words[: max(0, count)]
        count -= len(segment.words)
        if words:
            text = "".join(word.word for word in words).strip()
            kept.append(replace(segment, text=text, end=words[-1].end, words=words))
    return kept


def _seconds_of(speech: Sequence[Interval], window: Interval) -> float:
    """How much of a window is speech."""
    shared = (min(part.end, window.end) - max(part.start, window.start) for part in speech)
    return sum(max(0, samples) for samples in shared) / SAMPLE_RATE
