"""Joins texts with the right spacing; same rules as core/transcripts/spacing.ts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

UNSPACED: Final = (
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff9f"
    "\U00020000-\U0003ffff]"
)
"""Characters of scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, Chinese, Japanese."""
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
