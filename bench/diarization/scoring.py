"""Figures of one diarization: error rate (pyannote.metrics), words with the right speaker, number of speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from gpu_worker.speech.segments import Word
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from diarization.conversations import Conversation

JOINED_SECONDS: Final = 0.3
"""Speech of one person with a shorter pause is one turn, in the reference and in the result."""
SHORT_TURN_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Figures:
    """Shares from 0 to 1."""

    der: float
    """Diarization error rate without a collar; overlapped speech counts."""
    der_collar: float
    """The same with a collar of 0.25 s: pyannote's 0.5 s in all around each boundary."""
    words: float
    """Words (by duration) with the right speaker."""
    short_words: float
    """The same of turns of at most a second; NaN without such turns."""
    speakers: int
    """Speakers found, minus those who speak."""


def _annotation(spoken: Sequence[tuple[float, float, int]]) -> Annotation:
    found = Annotation()
    for speaker in {one[2] for one in spoken}:
        own = Timeline([Segment(start, end) for start, end, who in spoken if who == speaker and end > start])
        for part in own.support(collar=JOINED_SECONDS):
            found[part, f"{speaker} {part.start}"] = speaker
    return found


def _of_short_turns(words: Sequence[Word], speakers: Sequence[int]) -> npt.NDArray[np.bool_]:
    is_short = np.zeros(len(words), np.bool_)
    first = 0
    for at in range(1, len(words) + 1):
        if at == len(words) or speakers[at] != speakers[first]:
            is_short[first:at] = words[at - 1].end - words[first].start <= SHORT_TURN_SECONDS
            first = at
    return is_short


def figures(conversation: Conversation, labels: Sequence[int]) -> Figures:
    """Compares the labels of a conversation's words with its speakers."""
    words = conversation.words
    reference = _annotation([(one.start, one.end, one.speaker) for one in conversation.speech])
    result = _annotation([(word.start, word.end, label) for word, label in zip(words, labels, strict=True)])
    whole = Timeline([Segment(0, conversation.seconds)])
    metric = DiarizationErrorRate()
    mapping = metric.optimal_mapping(reference, result, uem=whole)
    seconds = np.array([word.end - word.start for word in words])
    right = np.array([mapping.get(label) == speaker for label, speaker in zip(labels, conversation.speakers, strict=True)])
    short = _of_short_turns(words, conversation.speakers)
    return Figures(
        float(metric(reference, result, uem=whole)),
        float(DiarizationErrorRate(collar=0.5)(reference, result, uem=whole)),
        float(seconds[right].sum() / seconds.sum()),
        float(seconds[right & short].sum() / seconds[short].sum()) if short.any() else float("nan"),
        len(set(labels)) - len(set(conversation.speakers)),
    )
