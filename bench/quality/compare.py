"""Lists the differences between a text and its script."""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz.distance import Levenshtein

from quality.corpora import Recording
from quality.scoring import Output, normal, script_words


def differences(recording: Recording, output: Output) -> Iterator[str]:
    """One line per edit: its time, the words before it, the script's words and the text's words."""
    script = script_words(recording)
    spoken, text = [word for word, _ in script], normal(output.text)
    for edit in Levenshtein.opcodes(spoken, text):
        if edit.tag != "equal":
            at_s = script[min(edit.src_start, len(script) - 1)][1]
            before = " ".join(spoken[max(0, edit.src_start - 3) : edit.src_start])
            was, now = " ".join(spoken[edit.src_start : edit.src_end]), " ".join(text[edit.dest_start : edit.dest_end])
            yield f"  {at_s:7.1f} s  {edit.tag}: … {before} [{was}] -> [{now}]"
