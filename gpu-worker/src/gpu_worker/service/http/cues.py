"""Lays out subtitles: which words stand together in a cue, and how a cue is broken into lines.

core/transcripts/cues.ts has the same rules and explains them; both pass test/fixtures/formats.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from gpu_worker.service.queue.results import StoredSegment
from gpu_worker.speech.joining.spacing import OPENING, join_texts, one_line, pieces_of

LINE_UNITS: Final = 42.0
FULL_WIDTH_UNITS: Final = LINE_UNITS / 16
CHARACTERS_PER_SECOND: Final = 20
SHORTEST_SECONDS: Final = 0.83
LONGEST_SECONDS: Final = 7.0
PAUSE_SECONDS: Final = 0.6

CUE_COST: Final = 10.0
CROSSED_SENTENCE_COST: Final = 11.0
FAST_CHARACTER_COST: Final = 2.0
SHORT_COST: Final = 10.0
LONG_SECOND_COST: Final = 4.0
UNEVEN_UNIT_COST: Final = 0.1
TINY_COST: Final = 8.0
FORBIDDEN_COST: Final = 100.0
TINY_UNITS: Final = 14

FULL_WIDTH: Final = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003fffd]"
)
SENTENCE_END: Final = re.compile("[.!?…。！？][\"'”’»)\\]]*$")  # noqa: RUF001 - punctuation of other scripts
CLAUSE_END: Final = re.compile("[,;:—–、，；：][\"'”’»)\\]]*$")  # noqa: RUF001 - punctuation of other scripts
NEVER_LAST: Final = re.compile(f"{OPENING}+")
CONTINUING: Final = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々ゝゞ")
PHRASES: Final = """
and or but because that which who when where while if than so to of in on at for with from by as into about the a an my your
his her our their
und oder aber weil dass wenn als ob der die das dem den des ein eine einen einem einer zu von mit in im an am auf für bei
nach aus über
et ou mais que qui quand si le la les un une des de du à au aux en dans sur pour avec par
y o pero porque el los las una unos del al con por para sin sobre
e ma perché che il lo gli uno di da con su per tra
"""
PHRASE_WORDS: Final = frozenset(PHRASES.split())


@dataclass(frozen=True)
class Cue:
    """A subtitle of one or two lines."""

    start: float
    end: float
    lines: tuple[str, ...]
    words: tuple[tuple[Token, ...], ...]
    """The words of each line, with their times."""
    speaker: str | None = None


@dataclass(frozen=True)
class Token:
    """A word that is not broken. `is_spaced`: a space stands before it."""

    text: str
    is_spaced: bool
    start: float
    end: float

    @property
    def units(self) -> float:
        """Width in half-width characters."""
        return _units(self.text)


@lru_cache(maxsize=4096)
def _units(text: str) -> float:
    return sum(FULL_WIDTH_UNITS if FULL_WIDTH.match(character) else 1.0 for character in text)


def _cue_line(text: str) -> str:
    """A blank line would end the cue, and an arrow would be parsed as times."""
    return one_line(text).replace("-->", "->")


def _broken(text: str, is_spaced: bool, start: float, end: float) -> list[Token]:
    """A text as tokens of at most one line, which share its time by their length."""
    if _units(text) <= LINE_UNITS:
        return [Token(text, is_spaced, start, end)]
    pieces = [""]
    for character in text:
        if _units(pieces[-1] + character) <= LINE_UNITS:
            pieces[-1] += character
        else:
            pieces.append(character)
    tokens, at = [], start
    for number, piece in enumerate(pieces):
        begin, at = at, at + (end - start) * _units(piece) / _units(text)
        tokens.append(Token(piece, is_spaced and number == 0, begin, at))
    return tokens


def _tokens_of(segment: StoredSegment) -> list[Token]:
    clean = _cue_line(segment["text"])
    words = segment["words"]
    if _cue_line("".join(word["word"] for word in words)) == clean:
        texts = ((word, _cue_line(word["word"])) for word in words)
        return [
            token
            for word, text in texts
            if text
            for token in _broken(text, word["word"][:1].isspace(), word["start"], word["end"])
        ]
    start, end = segment["start"], segment["end"]
    every, at = _units(clean) or 1.0, start
    tokens: list[Token] = []
    pieces = pieces_of(clean)
    for number, (text, is_spaced) in enumerate(pieces, 1):
        space = 1 if number < len(pieces) and pieces[number][1] else 0
        begin, at = at, at + (end - start) * (_units(text) + space) / every
        tokens += _broken(text, is_spaced, begin, min(at, end))
    return tokens


def _is_never_first(text: str) -> bool:
    is_marks = all(unicodedata.category(character).startswith("P") for character in text)
    return (is_marks and not NEVER_LAST.fullmatch(text)) or text[:1] in CONTINUING


def _break_cost(before: Token, after: Token) -> float:
    """How much worse it is to break between two tokens than at the end of a sentence."""
    if NEVER_LAST.fullmatch(before.text) or _is_never_first(after.text):
        return FORBIDDEN_COST
    if SENTENCE_END.search(before.text):
        return 0
    if CLAUSE_END.search(before.text):
        return 2
    if before.text.lower() in PHRASE_WORDS:
        return 14
    return 4 if after.text.lower() in PHRASE_WORDS else 8


def _text_of(tokens: Sequence[Token]) -> str:
    return "".join(f" {one.text}" if one.is_spaced and number else one.text for number, one in enumerate(tokens))


def _width(tokens: Sequence[Token]) -> float:
    return sum(one.units + (1 if one.is_spaced and number else 0) for number, one in enumerate(tokens))


def _lines_of(tokens: Sequence[Token]) -> tuple[int, float] | None:
    """The best one or two lines of a cue: tokens on the first line, and the cost; None if they are too long."""
    width = _width(tokens)
    if width <= LINE_UNITS:
        return len(tokens), 0.0
    best: tuple[int, float] | None = None
    first = 0.0
    for number, (before, after) in enumerate(zip(tokens, tokens[1:], strict=False)):
        first += before.units + (1 if before.is_spaced and number else 0)
        second = width - first - (1 if after.is_spaced else 0)
        cost = _break_cost(before, after) / 2 + UNEVEN_UNIT_COST * abs(first - second)
        if max(first, second) <= LINE_UNITS and (best is None or cost < best[1]):
            best = number + 1, cost
    return best


def _time_cost(tokens: Sequence[Token], following: float) -> float:
    first, last = tokens[0], tokens[-1]
    seconds = max(last.end, min(following, last.end + SHORTEST_SECONDS)) - first.start
    too_fast = max(0.0, _width(tokens) / max(seconds, 0.01) - CHARACTERS_PER_SECOND)
    return (
        min(FAST_CHARACTER_COST * too_fast, 3 * SHORT_COST)
        + (SHORT_COST if seconds < SHORTEST_SECONDS else 0)
        + LONG_SECOND_COST * max(0.0, last.end - first.start - LONGEST_SECONDS)
    )


def _cue_cost(cue: Sequence[Token], begin: int, after: Token | None, following: float) -> float:
    """Cost of a cue, which begins with token `begin`; infinite if it does not fit into two lines."""
    lines = _lines_of(cue)
    if lines is None:
        return math.inf
    crossed = sum(bool(SENTENCE_END.search(one.text)) for one in cue[:-1])
    at_end = 0 if after is None else _break_cost(cue[-1], after)
    ends = following if after is None else after.start
    tiny = TINY_COST if _width(cue) < TINY_UNITS and (begin > 0 or after is not None) else 0
    return CUE_COST + CROSSED_SENTENCE_COST * crossed + lines[1] + at_end + tiny + _time_cost(cue, ends)


def _divided(tokens: Sequence[Token], following: float) -> list[Sequence[Token]]:
    """The cheapest division into cues. `following`: when the next words start."""
    layouts: list[tuple[float, int]] = [(0.0, 0)]
    for to in range(1, len(tokens) + 1):
        best = (math.inf, to - 1)
        for begin in range(to - 1, -1, -1):
            cue = tokens[begin:to]
            if _width(cue) > 2 * LINE_UNITS:
                break
            cost = layouts[begin][0] + _cue_cost(cue, begin, tokens[to] if to < len(tokens) else None, following)
            if cost < best[0]:
                best = (cost, begin)
        layouts.append(best)
    cues: list[Sequence[Token]] = []
    to = len(tokens)
    while to > 0:
        cues.insert(0, tokens[layouts[to][1] : to])
        to = layouts[to][1]
    return cues


@dataclass(frozen=True)
class _Run:
    """Words of one speaker without longer pauses, by segment."""

    speaker: str | None
    segments: list[list[Token]]


def _is_spaced_after(before: Token, after: Token) -> bool:
    return len(join_texts((before.text, after.text))) > len(before.text) + len(after.text)


def _runs_of(segments: Sequence[StoredSegment], names_speakers: bool) -> list[_Run]:
    runs: list[_Run] = []
    for segment in segments:
        tokens = _tokens_of(segment)
        if not tokens:
            continue
        speaker = segment.get("speaker")
        run = runs[-1] if runs else None
        if run is not None and run.speaker == speaker and tokens[0].start - run.segments[-1][-1].end < PAUSE_SECONDS:
            tokens[0] = replace(tokens[0], is_spaced=_is_spaced_after(run.segments[-1][-1], tokens[0]))
            run.segments.append(tokens)
            continue
        if names_speakers and speaker is not None and (run is None or run.speaker != speaker):
            tokens[0] = replace(tokens[0], text=f"{speaker}: {tokens[0].text}")
        runs.append(_Run(speaker, [tokens]))
    return runs


def _fits(tokens: Sequence[Token], following: float) -> bool:
    return _width(tokens) <= 2 * LINE_UNITS and _lines_of(tokens) is not None and _time_cost(tokens, following) == 0


def _cues_of_run(run: _Run, following: float) -> list[Sequence[Token]]:
    """Segments stay together unless one of them is too long, too short or too fast."""
    starts = [tokens[0].start for tokens in run.segments[1:]] + [following]
    if all(_fits(tokens, start) for tokens, start in zip(run.segments, starts, strict=True)):
        return list(run.segments)
    return _divided([token for tokens in run.segments for token in tokens], following)


def _end_of(tokens: Sequence[Token], following: float) -> float:
    """When a cue ends: with its last word, or later if it is too short to be read and nothing else is said."""
    readable = tokens[0].start + max(SHORTEST_SECONDS, len(_text_of(tokens)) / CHARACTERS_PER_SECOND)
    return max(tokens[-1].end, min(readable, following))


def cues_of(segments: Sequence[StoredSegment], names_speakers: bool) -> list[Cue]:
    """The subtitles of segments. `names_speakers`: where the speaker changes, the text begins with the speaker's name."""
    made: list[Cue] = []
    runs = _runs_of(segments, names_speakers)
    for number, run in enumerate(runs):
        after = runs[number + 1].segments[0][0].start if number + 1 < len(runs) else math.inf
        cues = _cues_of_run(run, after)
        for index, tokens in enumerate(cues):
            lines = _lines_of(tokens)
            at = len(tokens) if lines is None else lines[0]
            following = cues[index + 1][0].start if index + 1 < len(cues) else after
            words = tuple(tuple(line) for line in (tokens[:at], tokens[at:]) if line)
            made.append(Cue(tokens[0].start, _end_of(tokens, following), tuple(map(_text_of, words)), words, run.speaker))
    return made
