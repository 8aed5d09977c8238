"""Known word times: flite prints the end of each phone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from rapidfuzz.distance import Levenshtein

from quality.corpora import FLITE_VOICES, Audio, Recording, flite, put_together, sentences
from quality.scoring import Output, TimedWord


def _flite(voice: str, what: str, text: str) -> list[str]:
    command = ["flite", "-voice", voice, what, "-t", text, "none"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@lru_cache
def _phones(voice: str, word: str) -> int:
    return sum(phone != "pau" for phone in _flite(voice, "-ps", word))


def spoken_times(voice: str, text: str) -> list[TimedWord] | None:
    """Words of a sentence with their times; None when the phones of the single words do not add up to those of the sentence."""
    ends = [(phone, float(end)) for phone, end in (part.split(":") for part in _flite(voice, "-psdur", text))]
    phones = []
    before = 0.0
    for phone, end in ends:
        if phone != "pau":
            phones.append((before, end))
        before = end
    words = text.split()
    counts = [_phones(voice, word.strip(".,?!")) for word in words]
    if sum(counts) != len(phones):
        return None
    found, at = [], 0
    for word, count in zip(words, counts, strict=True):
        found.append(TimedWord(word, phones[at][0], phones[at + count - 1][1]))
        at += count
    return found


def recording(seconds: float, seed: int) -> tuple[Recording, list[TimedWord]]:
    """A recording of sentences with known word times, and those times."""
    random = np.random.default_rng(seed)
    times: list[list[TimedWord]] = []

    def pieces() -> Iterator[tuple[str, Audio]]:
        while True:
            voice, text = str(random.choice(FLITE_VOICES)), str(random.choice(sentences()))
            known = spoken_times(voice, text)
            if known is not None:
                times.append(known)
                yield text, flite(voice, text)

    made = put_together(pieces(), seconds, random)
    shifted = [
        TimedWord(word.word, word.start_s + prompt.start_s, word.end_s + prompt.start_s)
        for prompt, words in zip(made.prompts, times, strict=False)
        for word in words
    ]
    return made, shifted


def differences_s(known: Sequence[TimedWord], output: Output) -> list[float]:
    """Absolute errors of the start times of correct words, in seconds."""
    spoken, found = [_plain(word) for word in known], [_plain(word) for word in output.words]
    return [
        abs(known[edit.src_start + n].start_s - output.words[edit.dest_start + n].start_s)
        for edit in Levenshtein.opcodes(spoken, found)
        if edit.tag == "equal"
        for n in range(edit.src_end - edit.src_start)
    ]


def _plain(word: TimedWord) -> str:
    return word.word.strip().lower().strip(".,?!")
