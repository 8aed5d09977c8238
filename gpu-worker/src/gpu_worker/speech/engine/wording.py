"""Orders the words of a clip's windows and splits them into segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpu_worker.speech.engine.model import Decoded
from gpu_worker.speech.joining.spacing import without_needless_spaces
from gpu_worker.speech.joining.word_times import with_durations
from gpu_worker.speech.segments import Segment, Word, split


def in_order(words: Sequence[tuple[Word, Decoded]], lead_in_s: float, last_s: float) -> list[tuple[Word, Decoded]]:
    """Words in order of time, relative to the end of the lead-in; those of the lead-in have negative times.

    Each word has a duration, and ends by the start of the next one or `last_s`.
    """
    found = sorted(words, key=lambda pair: (pair[0].start, pair[0].end))
    moved = [replace(word, start=word.start - lead_in_s, end=word.end - lead_in_s) for word, _ in found]
    timed = with_durations(without_needless_spaces(moved), -lead_in_s, last_s - lead_in_s)
    return [(word, decoded) for word, (_, decoded) in zip(timed, found, strict=True)]


def segments_of(words: Sequence[tuple[Word, Decoded]]) -> tuple[Segment, ...]:
    """Makes a segment of the words of one window and language, then splits it like subtitles."""
    groups: list[tuple[list[Word], Decoded]] = []
    # a word that starts in the lead-in starts with the clip
    timed = with_durations([replace(word, start=max(0.0, word.start)) for word, _ in words])
    for own, (_, decoded) in zip(timed, words, strict=True):
        if groups and groups[-1][1] is decoded:
            groups[-1][0].append(own)
        else:
            groups.append(([own], decoded))
    segments = [
        Segment(
            text="",
            start=group[0].start,
            end=group[-1].end,
            avg_logprob=decoded.avg_logprob,
            no_speech_prob=decoded.no_speech_prob,
            compression_ratio=decoded.compression_ratio,
            words=tuple(group),
            language=decoded.language,
        )
        for group, decoded in groups
    ]
    return tuple(piece for segment in segments for piece in split(segment))
