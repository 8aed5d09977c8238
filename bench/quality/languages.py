"""Several languages in one batch and in one recording, with human prompts of Debian's packages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Final

import numpy as np
from gpu_worker.speech.engine import Clip, Engine, Transcription

from quality.corpora import FOREIGN, SAMPLE_RATE, Audio, foreign_prompts, human
from quality.rows import Row, Subject

CLIP_SECONDS: Final = 8.0
TURN_SECONDS: Final = 15.0
EXEMPT_SECONDS: Final = 1.0
"""Words this close to a change of language are not counted, because recordings are cut there in the middle of a prompt."""
RIGHT_SHARE: Final = 0.95


def five(seed: int) -> dict[str, Audio]:
    """One clip per language."""
    return {"en": human(CLIP_SECONDS, seed).audio} | {code: foreign_prompts(code, CLIP_SECONDS, seed) for code in FOREIGN}


def in_order(engine: Engine, clips: dict[str, Audio], order: tuple[str, ...]) -> list[Transcription]:
    """Transcribes the clips as one batch, in this order."""
    return engine.transcribe([Clip(clips[code]) for code in order])


def batches(subject: Subject) -> Iterator[Row]:
    """Detects five languages in one batch, in every order."""
    clips = five(71)
    alone = {code: subject.engine.transcribe([Clip(audio)])[0] for code, audio in clips.items()}
    orders = list(permutations(clips))[:: 24 if subject.is_quick else 1]
    right = equal = 0
    for order in orders:
        made = in_order(subject.engine, clips, order)
        right += sum(one.language == code for code, one in zip(order, made, strict=True))
        equal += sum(one.text == alone[code].text for code, one in zip(order, made, strict=True))
    count = len(orders) * len(clips)
    yield Row(
        f"five languages in one batch, {len(orders)} orders: clips",
        subject.name,
        f"{right} of {count} in their own language, {equal} with the same text as alone",
        "",
        "all in their own language",
        right == count,
    )


def turns(subject: Subject) -> Iterator[Row]:
    """Detects the language of each word in recordings that alternate between two languages."""
    right = words = 0
    for number, code in enumerate(FOREIGN):
        parts = [
            human(TURN_SECONDS, 81 + number).part(0, TURN_SECONDS),
            foreign_prompts(code, TURN_SECONDS, 81 + number),
            human(TURN_SECONDS, 91 + number).part(0, TURN_SECONDS),
        ]
        (made,) = subject.engine.transcribe([Clip(np.concatenate(parts))])
        turn_s = len(parts[0]) / SAMPLE_RATE
        for segment in made.segments:
            for word in segment.words:
                at_s = (word.start + word.end) / 2
                if min(abs(at_s - turn_s), abs(at_s - turn_s - TURN_SECONDS)) < EXEMPT_SECONDS:
                    continue
                is_foreign = turn_s <= at_s < turn_s + TURN_SECONDS
                words += 1
                right += segment.language == (code if is_foreign else "en")
    yield Row(
        f"four recordings of {3 * TURN_SECONDS:.0f} s (English, another language, English): words",
        subject.name,
        f"{right} of {words} in a segment of their language",
        "",
        f">= {RIGHT_SHARE:.0%}",
        right >= RIGHT_SHARE * words,
    )
