"""Content of a transcript, as the service stores and returns it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NotRequired, TypedDict

from gpu_worker.speech.media import Span
from gpu_worker.speech.segments import Segment, Word


class Timed(TypedDict):
    """A text and its times in seconds."""

    start: float
    end: float
    text: str


class StoredWord(TypedDict):
    """A word; times in seconds from the start of the file."""

    word: str
    start: float
    end: float
    probability: float
    interpolated: NotRequired[bool]
    """Only if true."""


class StoredSegment(Timed):
    """A segment, with the model's figures for the window that it comes from."""

    id: int
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    words: list[StoredWord]
    language: str | None
    speaker: NotRequired[str]
    """`S1`, `S2`, … in order of their first words, or `S` and the number of the channel; only if requested."""


class StoredSpan(TypedDict):
    """A stretch of a file, in seconds."""

    start: float
    end: float


class Result(TypedDict):
    """A transcript."""

    language: str
    duration_seconds: float
    model: str
    text: str
    segments: list[StoredSegment]
    damaged: NotRequired[list[StoredSpan]]
    """Stretches that could not be decoded; only if there are any."""
    speaker_names: NotRequired[dict[str, str]]
    """Names of known speakers, by `speaker`; only if the request has them."""


def spans_of(damaged: Iterable[Span], start: float = 0.0, since: float = 0.0) -> list[StoredSpan]:
    """Damage of a part that begins at `start`, in seconds of the file; without what is before `since`."""
    moved = [{"start": max(start + span.start, since), "end": start + span.end} for span in damaged]
    return [{"start": round(span["start"], 3), "end": round(span["end"], 3)} for span in moved if span["end"] > since]


def speaker_label(number: int) -> str:
    """Label of a detected speaker from 0, as stored."""
    return f"S{number + 1}"


def stored(segments: Sequence[Segment]) -> list[StoredSegment]:
    """Segments as the service stores them, numbered from 0. The words of each have one speaker."""
    return [_stored_segment(number, segment) for number, segment in enumerate(segments)]


def _stored_segment(number: int, segment: Segment) -> StoredSegment:
    made: StoredSegment = {
        "id": number,
        "text": segment.text,
        "start": segment.start,
        "end": segment.end,
        "avg_logprob": segment.avg_logprob,
        "no_speech_prob": segment.no_speech_prob,
        "compression_ratio": segment.compression_ratio,
        "words": [_stored_word(word) for word in segment.words],
        "language": segment.language,
    }
    speaker = segment.words[0].speaker if segment.words else None
    if segment.channel is not None:
        made["speaker"] = f"S{segment.channel}"
    elif speaker is not None:
        made["speaker"] = speaker_label(speaker)
    return made


def _stored_word(word: Word) -> StoredWord:
    times: StoredWord = {"word": word.word, "start": word.start, "end": word.end, "probability": word.probability}
    if word.interpolated:
        times["interpolated"] = True
    return times
