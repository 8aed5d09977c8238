"""Compares a text with the script of its recording: word errors, lost words, speech without words.

A lost word is deleted and not listed. A word is listed if it is in a span that the engine reports as `unheard`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from faster_whisper.vad import VadOptions, get_speech_timestamps
from rapidfuzz.distance import Levenshtein
from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

from quality.corpora import SAMPLE_RATE, Audio, Recording

SPAN_SECONDS: Final = 30.0
"""The bootstrap draws whole segments of this length, because errors occur in bursts."""
DRAWS: Final = 2000
LISTED_WITHIN_SECONDS: Final = 0.5
"""A lost word this close to a listed span counts as listed."""
MAX_WORD_SECONDS: Final = (0.25, 0.07)
"""A word accounts for at most this much speech, plus this much per letter: alignment extends words over skipped audio."""
REACH_SECONDS: Final = 0.2
MIN_HOLE_SECONDS: Final = 0.7

_english = EnglishTextNormalizer()


@dataclass(frozen=True)
class TimedWord:
    """A word of a text, in seconds of the recording."""

    word: str
    start_s: float
    end_s: float


@dataclass
class Output:
    """The output of an engine for a recording."""

    words: list[TimedWord]
    unheard: list[tuple[float, float]] = field(default_factory=list)
    cpu_s: float = 0.0
    language: str = ""

    @property
    def text(self) -> str:
        """All words as one line."""
        return "".join(word.word for word in self.words).strip()


def normal(text: str) -> list[str]:
    """Words in the spelling of OpenAI's English normalizer. Normalizes each sentence separately, so that adjacent numbers of
    two sentences are not combined."""
    return [word for sentence in re.split(r"(?<=[.?!])\s+", text) for word in str(_english(sentence)).split()]


@dataclass(frozen=True)
class Score:
    """Errors of one text. The arrays are [n_spans]: words and errors in spans of 30 s."""

    substituted: int
    inserted: int
    deleted: int
    lost: int
    """Words that are deleted and not listed as unheard."""
    span_words: npt.NDArray[np.int64]
    span_errors: npt.NDArray[np.int64]
    unheard_s: float
    wordless_s: float
    """Detected speech without a word that is not listed as unheard."""

    @property
    def words(self) -> int:
        """Number of words of the script."""
        return int(self.span_words.sum())

    @property
    def wer(self) -> float:
        """Word error rate in percent."""
        return 100 * float(self.span_errors.sum()) / max(1, self.words)

    def interval(self) -> tuple[float, float]:
        """The 95 % bootstrap interval of the word error rate, in percent."""
        low, high = np.percentile(_drawn(self.span_errors, self.span_words), [2.5, 97.5])
        return float(low), float(high)

    def difference_to(self, peer: Score) -> tuple[float, float, float]:
        """Word error rate minus the peer's on the same recording, in percentage points, with its 95 % interval."""
        low, high = np.percentile(_drawn(self.span_errors - peer.span_errors, self.span_words), [2.5, 97.5])
        return self.wer - peer.wer, float(low), float(high)


def _drawn(errors: npt.NDArray[np.int64], words: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    picks = np.random.default_rng(0).integers(len(words), size=(DRAWS, len(words)))
    rates: npt.NDArray[np.float64] = 100 * errors[picks].sum(axis=1) / np.maximum(1, words[picks].sum(axis=1))
    return rates


def pooled(scores: Sequence[Score]) -> Score:
    """Pools the scores of several recordings."""
    return Score(
        substituted=sum(score.substituted for score in scores),
        inserted=sum(score.inserted for score in scores),
        deleted=sum(score.deleted for score in scores),
        lost=sum(score.lost for score in scores),
        span_words=np.concatenate([score.span_words for score in scores]),
        span_errors=np.concatenate([score.span_errors for score in scores]),
        unheard_s=sum(score.unheard_s for score in scores),
        wordless_s=sum(score.wordless_s for score in scores),
    )


def script_words(recording: Recording) -> list[tuple[str, float]]:
    """Normalized words of the script with their approximate times: the time of a prompt is divided by letters."""
    found = []
    for prompt in recording.prompts:
        words = normal(prompt.text)
        letters = sum(len(word) + 1 for word in words)
        done = 0
        for word in words:
            share = (done + (len(word) + 1) / 2) / letters
            found.append((word, prompt.start_s + share * (prompt.end_s - prompt.start_s)))
            done += len(word) + 1
    return found


def score(recording: Recording, output: Output) -> Score:
    """Scores an output against the script."""
    script = script_words(recording)
    spans = int(recording.seconds // SPAN_SECONDS) + 1
    span_words = np.zeros(spans, np.int64)
    span_errors = np.zeros(spans, np.int64)
    for _, at_s in script:
        span_words[int(at_s // SPAN_SECONDS)] += 1
    counts = {"replace": 0, "insert": 0, "delete": 0}
    lost = 0
    spoken = [word for word, _ in script]
    for edit in Levenshtein.opcodes(spoken, normal(output.text)):
        if edit.tag == "equal":
            continue
        size = max(edit.src_end - edit.src_start, edit.dest_end - edit.dest_start)
        counts[edit.tag] += size
        for step in range(size):
            at_s = script[min(edit.src_start + (0 if edit.tag == "insert" else step), len(script) - 1)][1]
            span_errors[int(at_s // SPAN_SECONDS)] += 1
            lost += edit.tag == "delete" and not _is_listed(at_s, output.unheard)
    return Score(
        substituted=counts["replace"],
        inserted=counts["insert"],
        deleted=counts["delete"],
        lost=lost,
        span_words=span_words,
        span_errors=span_errors,
        unheard_s=sum(end - start for start, end in output.unheard),
        wordless_s=wordless_seconds(recording.audio, output),
    )


def _is_listed(at_s: float, unheard: Sequence[tuple[float, float]]) -> bool:
    return any(start - LISTED_WITHIN_SECONDS <= at_s <= end + LISTED_WITHIN_SECONDS for start, end in unheard)


def wordless_seconds(audio: Audio, output: Output) -> float:
    """Detected speech of at least 0.7 s in a row that no word can cover and that is not listed as unheard."""
    frames = np.zeros(len(audio) // (SAMPLE_RATE // 100) + 1, bool)
    for part in get_speech_timestamps(audio, VadOptions(min_silence_duration_ms=200, speech_pad_ms=0)):
        frames[part["start"] * 100 // SAMPLE_RATE : part["end"] * 100 // SAMPLE_RATE] = True
    base_s, letter_s = MAX_WORD_SECONDS
    covered = [
        (word.start_s, min(word.end_s, word.start_s + base_s + letter_s * len(word.word.strip()))) for word in output.words
    ]
    for start_s, end_s in [*covered, *output.unheard]:
        frames[max(0, int((start_s - REACH_SECONDS) * 100)) : int((end_s + REACH_SECONDS) * 100) + 1] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(np.int8), [0]])))
    holes = (edges[1::2] - edges[::2]) / 100
    return float(holes[holes >= MIN_HOLE_SECONDS].sum())
