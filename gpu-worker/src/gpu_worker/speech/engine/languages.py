"""Chooses the language of each stretch of speech from the model's probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Probabilities = Sequence[tuple[str, float]]
"""Language codes with probabilities, most likely first."""


@dataclass(frozen=True)
class Stretch:
    """Probabilities for a stretch of speech."""

    found: Probabilities
    """As detected by the model."""
    seconds: float


SURE: Final = 0.95
"""From this probability on, a short window's language is accepted; below, it is detected more closely."""
ENDS_SURE: Final = 0.7
"""From this probability on, the first and last stretch of a long window decide for all of it if they agree."""
CONFIDENT: Final = 0.8
"""From this probability on, a detected language can become the language of the session."""
CONFIDENT_SECONDS: Final = 3.0
"""Least speech from which the language of the session is detected."""
CLEAR: Final = 0.9
"""From this probability in one stretch on, a language can be a part of a recording in which another one is clear."""
RARE: Final = frozenset({"la", "nn", "cy", "jw", "haw", "mi", "sa"})
"""Languages that Whisper models report for unclear speech far more often than they are spoken."""
RARE_PENALTY: Final = math.log(5)
LIKELY_BONUS: Final = math.log(3)
"""Advantage of the session's language."""
SWITCH_PENALTY: Final = math.log(10)
"""Cost of a change of language."""
WHOLE_WEIGHT: Final = 0.35
"""Weight of the whole window's probabilities, relative to a stretch's."""
WHOLE_EVIDENCE_SECONDS: Final = 4.0
"""Shorter stretches have less weight."""
MIN_PROBABILITY: Final = 1e-3
"""Floor for probabilities, and value of unlisted languages."""


def _scores(stretch: Stretch, whole: Mapping[str, float], likely: str | None) -> dict[str, float]:
    weight = min(1.0, stretch.seconds / WHOLE_EVIDENCE_SECONDS)
    return {
        code: weight * math.log(max(p, MIN_PROBABILITY))
        + WHOLE_WEIGHT * math.log(max(whole.get(code, 0.0), MIN_PROBABILITY))
        - (RARE_PENALTY if code in RARE else 0.0)
        + (LIKELY_BONUS if code == likely else 0.0)
        for code, p in stretch.found
    }


def agreed(ends: Sequence[Probabilities]) -> tuple[str, float] | None:
    """The common language of both ends of a window, and its probability; None if they differ or one is below ENDS_SURE."""
    tops = [end[0] for end in ends]
    least = min(probability for _, probability in tops)
    is_one = len({code for code, _ in tops}) == 1
    return (tops[0][0], least) if is_one and least >= ENDS_SURE else None


def mean(stretches: Sequence[Probabilities]) -> list[tuple[str, float]]:
    """Mean of the stretches' probabilities."""
    codes = {code for stretch in stretches for code, _ in stretch}
    each = [dict(stretch) for stretch in stretches]
    return [(code, sum(one.get(code, 0.0) for one in each) / len(each)) for code in sorted(codes)]


def _plausible(codes: set[str], stretches: Sequence[Stretch]) -> set[str]:
    """Drops languages that are never clear if another one is: models often take unclear speech for an unrelated language."""
    clear = {code for code in codes if max(dict(one.found).get(code, 0.0) for one in stretches) >= CLEAR}
    return clear or codes


def _best(scores: Mapping[str, float]) -> str:
    return max(scores, key=lambda code: scores[code])


def most_likely_languages(
    stretches: Sequence[Stretch], whole: Probabilities, likely: str | None, before: str | None = None
) -> list[tuple[str, float]]:
    """The language of each stretch of a window: the most likely path with few changes (Viterbi).

    Args:
        stretches: In order of time.
        whole: Probabilities for the window as a whole.
        likely: The recording's language; None if unknown.
        before: Language at the end of the previous window; None if unknown.
    """
    scores = [_scores(stretch, dict(whole), likely) for stretch in stretches]
    candidates = sorted(
        _plausible({_best(score) for score in scores}, stretches) | ({before} if before is not None else set())
    )
    least = math.log(MIN_PROBABILITY) * (1 + WHOLE_WEIGHT)
    best = {code: scores[0].get(code, least) - (0.0 if before in (None, code) else SWITCH_PENALTY) for code in candidates}
    came_from: list[dict[str, str]] = []
    for score in scores[1:]:
        leader = _best(best)
        steps = {code: code if best[code] >= best[leader] - SWITCH_PENALTY else leader for code in candidates}
        best = {
            code: best[steps[code]] - (0.0 if steps[code] == code else SWITCH_PENALTY) + score.get(code, least)
            for code in candidates
        }
        came_from.append(steps)
    path = [_best(best)]
    for steps in reversed(came_from):
        path.append(steps[path[-1]])
    return [(code, dict(stretch.found).get(code, 0.0)) for code, stretch in zip(reversed(path), stretches, strict=True)]
