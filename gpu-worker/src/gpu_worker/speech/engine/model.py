"""One Whisper model: windows of audio in, timed words out.

Steps for a batch: encode it once, detect a language per window on the encoder's output, decode each window with its own
prompt, align the words.

Gotchas:
- All windows of a batch have the same padded length and the same prompt length: if windows were padded to their neighbors'
  length, their text would depend on them.
- The audio is padded, not the features: windows below 30 s need some silence at the end, or the model invents endings.
- `align` takes one start sequence, so windows are aligned per language.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens, merge_punctuations

from gpu_worker.speech.engine.speech import Audio
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Word

BEAM_SIZE: Final = 5
MAX_TOKENS: Final = 448
"""Longest sequence of the model, including the prompt."""
MAX_PREVIOUS: Final = MAX_TOKENS // 2 - 1
"""Longest previous text that the model accepts."""
TOKENS_PER_SECOND: Final = 16
"""More tokens than speech produces; a longer text is a loop."""
SPARE_TOKENS: Final = 12
OPENING: Final = "\"'“¿([{-"  # noqa: RUF001 - faster-whisper's own lists
CLOSING: Final = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001
ENGLISH: Final = "en"


class UnsupportedLanguage(ValueError):
    """The model does not support the requested language; a retry would fail as well."""


@dataclass(frozen=True)
class Task:
    """One window as input of the model."""

    audio: Audio
    """float32 [n_samples], 16 kHz."""
    padded_samples: int
    """Length to which it is padded."""
    language: str | None
    """ISO 639 code; None: detect it."""
    previous: tuple[int, ...] = ()
    """Tokens of the text before it: prompt, hotwords or context."""
    timestamps: bool = False
    """Whether to decode with timestamp tokens, which keep short windows from ending early."""
    repetition_penalty: float = 1.0

    @property
    def batch_key(self) -> tuple[int, int, bool, float]:
        """Tasks with the same key can be decoded together."""
        return self.padded_samples, len(self.previous), self.timestamps, self.repetition_penalty


@dataclass(frozen=True)
class Decoded:
    """The model's result for one window."""

    words: tuple[Word, ...]
    """Times in seconds from the start of the window."""
    language: str
    language_probability: float
    """1 if the language was given."""
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    tokens: tuple[int, ...]
    """Text tokens, used as context for the next window."""


def choose_compute(device: str, compute_type: str) -> tuple[str, str]:
    """Resolves `auto`: CUDA float16 if supported, else CUDA int8_float16, else CPU int8. Returns device and compute type."""
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu"
    if compute_type == "auto":
        supported = ctranslate2.get_supported_compute_types(device)
        wanted = ["float16", "int8_float16"] if device == "cuda" else []
        compute_type = next((kind for kind in wanted if kind in supported), "int8")
    return device, compute_type


class Model:
    """A loaded model."""

    def __init__(self, folder: str, device: str, compute_type: str, cpu_threads: int) -> None:
        self._whisper = WhisperModel(folder, device=device, compute_type=compute_type, cpu_threads=cpu_threads)
        self._model = self._whisper.model
        self._features = self._whisper.feature_extractor
        self._tokenizers: dict[str, Tokenizer] = {}
        self.is_multilingual: bool = self._model.is_multilingual
        self.longest_samples: int = int(self._features.chunk_length * SAMPLE_RATE)
        """Samples of the longest window."""
        self.languages: tuple[str, ...] = self._known_languages(Path(folder))

    def _known_languages(self, folder: Path) -> tuple[str, ...]:
        if not self.is_multilingual:
            return (ENGLISH,)
        known = self._whisper.supported_languages
        return tuple(code for code in known if self._whisper.hf_tokenizer.token_to_id(f"<|{code}|>") is not None)

    def check_language(self, language: str | None) -> None:
        """Raises UnsupportedLanguage if the model does not support the language."""
        if language is not None and language not in self.languages:
            raise UnsupportedLanguage(f"this model does not support the language {language}")

    def tokens_of(self, text: str) -> list[int]:
        """Encodes a text as tokens."""
        tokens: list[int] = self._tokenizer(ENGLISH).encode(f" {text.strip()}")
        return tokens

    def text_of(self, tokens: Sequence[int]) -> str:
        """Decodes tokens to text."""
        text: str = self._tokenizer(ENGLISH).decode(list(tokens))
        return text

    def _tokenizer(self, language: str) -> Tokenizer:
        if language not in self._tokenizers:
            self._tokenizers[language] = Tokenizer(
                self._whisper.hf_tokenizer, self.is_multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def encode(self, tasks: Sequence[Task]) -> ctranslate2.StorageView:
        """Encoder output for windows of the same padded length."""
        frames = tasks[0].padded_samples // int(self._features.hop_length)
        return self._whisper.encode(np.stack([self._padded_features(task.audio, frames) for task in tasks]))

    def _padded_features(self, audio: Audio, frames: int) -> npt.NDArray[np.float32]:
        """Log-mel features of the audio followed by silence, float32 [n_mels, frames]."""
        margin = int(self._features.n_fft)
        found: npt.NDArray[np.float32] = self._features(np.pad(audio, (0, margin)), padding=0)[:, :frames]
        silence = max(np.float32((-10 + 4) / 4), found.max() - np.float32(8 / 4))  # the extractor's floor
        return np.pad(found, ((0, 0), (0, frames - found.shape[1])), constant_values=silence).astype(np.float32)

    def detect(self, encoded: ctranslate2.StorageView) -> list[list[tuple[str, float]]]:
        """Languages of each window, most likely first; multilingual models only."""
        return [[(name[2:-2], float(p)) for name, p in found] for found in self._model.detect_language(encoded)]

    def decode(
        self, tasks: Sequence[Task], encoded: ctranslate2.StorageView, languages: Sequence[tuple[str, float]]
    ) -> list[Decoded]:
        """Decodes and aligns each window. `languages`: code and probability per window."""
        tokenizers = [self._tokenizer(code) for code, _ in languages]
        found = self._model.generate(
            encoded,
            [self._prompt(task, tokenizer) for task, tokenizer in zip(tasks, tokenizers, strict=True)],
            beam_size=BEAM_SIZE,
            repetition_penalty=tasks[0].repetition_penalty,
            max_length=self._max_length(tasks[0]),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=list(get_suppressed_tokens(tokenizers[0], [-1])),
        )
        texts = [[token for token in one.sequences_ids[0] if token < tokenizers[0].eot] for one in found]
        words = self._align(tasks, encoded, [code for code, _ in languages], texts)
        decoded = []
        for one, text, aligned, (code, probability), tokenizer in zip(
            found, texts, words, languages, tokenizers, strict=True
        ):
            length = len(one.sequences_ids[0])
            plain = tokenizer.decode(text).strip().encode()
            decoded.append(
                Decoded(
                    words=tuple(aligned),
                    language=code,
                    language_probability=probability,
                    avg_logprob=round(float(one.scores[0] * length / (length + 1)), 4),
                    no_speech_prob=round(float(one.no_speech_prob), 4),
                    compression_ratio=round(len(plain) / max(1, len(zlib.compress(plain))), 4),
                    tokens=tuple(text),
                )
            )
        return decoded

    def _prompt(self, task: Task, tokenizer: Tokenizer) -> list[int]:
        previous = [tokenizer.sot_prev, *task.previous] if task.previous else []
        return [*previous, *tokenizer.sot_sequence, *([] if task.timestamps else [tokenizer.no_timestamps])]

    def _max_length(self, task: Task) -> int:
        room = SPARE_TOKENS + len(task.previous) + task.padded_samples * TOKENS_PER_SECOND // SAMPLE_RATE
        return min(MAX_TOKENS, room)

    def _align(
        self,
        tasks: Sequence[Task],
        encoded: ctranslate2.StorageView,
        languages: Sequence[str],
        texts: Sequence[list[int]],
    ) -> list[list[Word]]:
        words: list[list[Word]] = [[] for _ in tasks]
        for language in sorted(set(languages)):
            some = [index for index, code in enumerate(languages) if code == language and texts[index]]
            if not some:
                continue
            part = encoded if len(some) == len(tasks) else self.part_of(encoded, some)
            frames = [max(2, len(tasks[index].audio) // int(self._features.hop_length)) for index in some]
            aligned = self._whisper.find_alignment(self._tokenizer(language), [texts[index] for index in some], part, frames)
            for index, found in zip(some, aligned, strict=True):
                merge_punctuations(found, OPENING, CLOSING)
                words[index] = [
                    Word(one["word"], float(one["start"]), float(one["end"]), round(float(one["probability"]), 4))
                    for one in found
                    if one["word"]
                ]
        return words

    def part_of(self, encoded: ctranslate2.StorageView, indices: Sequence[int]) -> ctranslate2.StorageView:
        """Encoder output of the windows with these indices."""
        cpu = encoded.to_device(ctranslate2.Device.cpu) if self._model.device == "cuda" else encoded
        part = np.ascontiguousarray(np.array(cpu)[list(indices)])
        return ctranslate2.StorageView.from_array(part)
