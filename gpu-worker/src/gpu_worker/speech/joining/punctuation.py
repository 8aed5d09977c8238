"""Punctuation and capitals where one text changes to another; same rules as core/transcripts/punctuation.ts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Final

from gpu_worker.speech.segments import Word

GOES_ON_SECONDS: Final = 0.5
"""Speech that continues within this time after a cut may be the same sentence."""

_MARKS: Final = re.compile(r"[.,!?;:…。、，！？；：]*$")  # noqa: RUF001 - punctuation of other scripts
_FULL_STOP: Final = re.compile(r"[.…]+$")
_SENTENCE_END: Final = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")  # noqa: RUF001 - punctuation of other scripts


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with this word."""
    return _SENTENCE_END.search(word) is not None


def _parts(word: str) -> tuple[str, str, str]:
    """Splits a word into leading space and opening marks, the word itself, and the closing marks."""
    begin = 0
    while begin < len(word) and (
        word[begin].isspace() or word[begin] in "\"'¿¡" or unicodedata.category(word[begin]) in ("Ps", "Pi")
    ):
        begin += 1
    marks = _MARKS.search(word, begin)
    end = marks.start() if marks else len(word)
    return word[:begin], word[begin:end], word[end:]


def with_marks_of(word: Word, other: Word) -> Word:
    """The word with the closing marks of another version of it."""
    opening, core, _ = _parts(word.word)
    return replace(word, word=opening + core + _parts(other.word)[2])


def with_capitals_of(word: Word, other: Word) -> Word:
    """The word with the capitals of another version of it."""
    opening, core, marks = _parts(word.word)
    other_core = _parts(other.word)[1]
    return replace(word, word=opening + other_core + marks) if core.lower() == other_core.lower() else word


def without_stop(word: Word, following: Word) -> Word:
    """Removes the full stop if the next word continues in lower case: the end of the audio caused it."""
    goes_on = following.start - word.end < GOES_ON_SECONDS and following.word.lstrip()[:1].islower()
    stop = _FULL_STOP.search(word.word)
    if not goes_on or stop is None or re.search(r"[.…]", word.word[: stop.start()]):
        return word
    return replace(word, word=word.word[: stop.start()])
