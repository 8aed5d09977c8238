"""Joins texts with the right spacing; same rules as core/transcripts/spacing.ts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from gpu_worker.speech.segments import Word

_HAN_AND_KANA: Final = "\u2e80-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff9f\U00020000-\U0003ffff"
"""Characters of scripts without any spaces: Chinese, Japanese."""
UNSPACED: Final = f"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff{_HAN_AND_KANA}]"
"""Characters of all scripts without spaces between words: also Thai, Lao, Tibetan, Burmese, Khmer."""
_NEEDLESS_SPACE: Final = re.compile(f"[{_HAN_AND_KANA}]\0\\s+[{_HAN_AND_KANA}]")
_EACH: Final = re.compile(UNSPACED)


def _class_of(*categories: str) -> str:
    """A class of the characters of these Unicode categories."""
    characters = map(chr, range(0x10000))
    return "".join(["[", *(re.escape(one) for one in characters if unicodedata.category(one).startswith(categories)), "]"])


OPENING: Final = _class_of("Ps", "Pi")
"""Opening marks."""
_PIECES: Final = re.compile(
    f"{OPENING}*(?!{OPENING}){UNSPACED}(?:(?!{OPENING}){_class_of('M', 'P')})*|(?:(?!{UNSPACED})\\S)+|\\S"
)
_WITHIN: Final = re.compile(f"{UNSPACED}\0{UNSPACED}")


def space_between(before: str, after: str) -> str:
    """What separates two texts: a space, or nothing within a script without spaces."""
    return "" if _WITHIN.match(f"{before[-1:]}\0{after[:1]}") else " "


def join_texts(texts: Iterable[str]) -> str:
    """Joins texts in order."""
    joined = ""
    for text in filter(None, texts):
        joined += space_between(joined, text) + text if joined else text
    return joined


def without_needless_spaces(words: Sequence[Word]) -> list[Word]:
    """The words, in Chinese and Japanese without the spaces that models put at the start of a text or between phrases."""
    before = ["", *(word.word for word in words)]
    return [
        replace(word, word=word.word.lstrip()) if _NEEDLESS_SPACE.search(f"{last}\0{word.word}") else word
        for last, word in zip(before, words, strict=False)
    ]


def word_count(text: str) -> float:
    """Number of words; in scripts without spaces two characters count as one."""
    return len(text.split()) + len(_EACH.findall(text)) / 2


def pieces_of(text: str) -> list[tuple[str, bool]]:
    """The words of a text, and whether a space precedes each; in scripts without spaces, its characters with their marks."""
    return [(match[0], text[max(0, match.start() - 1) : match.start()].isspace()) for match in _PIECES.finditer(text)]


_FORBIDDEN: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Control characters, and others that XML 1.0 forbids. Some parsers of subtitles end a text at them."""


def one_line(text: str) -> str:
    """The text as one line that every format can contain."""
    return re.sub(r"\s+", " ", _FORBIDDEN.sub("", text)).strip()
