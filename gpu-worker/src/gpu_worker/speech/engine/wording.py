"""Orders the words of a clip's windows and splits them into segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gpu_worker.speech.engine.model import Decoded
from gpu_worker.speech.segments import Segment, Word, split

MIN_WORD_SECONDS: Final = 0.02


def in_order(words: Sequence[tuple[Word, Decoded]], lead_in_s: float, last_s: float) -> list[tuple[Word, Decoded]]:
    """Words in order of time, relative to the end of the lead-in; those of the lead-in have negative times.

    Each word starts after the start of the one before it, ends by the start of the next one or `last_s`, and has a duration.
    """
    found = sorted(words, key=lambda pair: (pair[0].start, pair[0].end))
    starts: list[float] = []
    for word, _ in found:
        starts.append(max(word.start, starts[-1] + MIN_WORD_SECONDS) if starts else word.start)
    ordered = []
    for n, (word, decoded) in enumerate(found):
        following = starts[n + 1] if n + 1 < len(starts) else last_s
        end = max(starts[n] + MIN_WORD_SECONDS, min(word.end, following))
        start, end = min(starts[n], last_s), min(end, last_s)
        ordered.append((replace(word, start=round(start - lead_in_s, 3), end=round(end - lead_in_s, 3)), decoded))
    return ordered


def segments_of(words: Sequence[tuple[Word, Decoded]]) -> tuple[Segment, ...]:
    """Makes a segment of the words of one window and language, then splits it like subtitles."""
    groups: list[tuple[list[Word], Decoded]] = []
    for word, decoded in words:
        own = replace(word, start=max(0.0, word.start))  # a word that starts in the lead-in starts with the clip
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
