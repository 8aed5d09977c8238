"""The words that the demo model knows, its token ids, and sentences of these words.

Ids: text (256 bytes, two that faster-whisper asks for, the words, padding to a multiple of 8), Whisper's special tokens in
Whisper's order, timestamps. One token a word: the tokenizer has no merges and takes whole words as they are.
"""

from __future__ import annotations

import random
from typing import Final

DIGITS: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred".split()
)
ALPHABET: Final = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra "
    "tango uniform victor whiskey yankee zulu"
).split()
COLOURS: Final = "red green blue yellow orange black white".split()
COMMANDS: Final = "start stop open close save send left right up down yes no".split()
MEETING: Final = (
    "the we will and is on meeting note project budget team customer review ship deploy release monday tuesday wednesday "
    "thursday friday week today tomorrow next first second good morning thank you everyone action item please decide agree "
    "hello welcome question report plan done recording speech demo server search"
).split()
WORDS: Final = [*DIGITS, *ALPHABET, *COLOURS, *COMMANDS, *MEETING]

DAYS: Final = "monday tuesday wednesday thursday friday today tomorrow".split()
THINGS: Final = "report plan project budget review release item note meeting recording search server demo".split()
PAPERS: Final = "report plan project budget release item note".split()
DEEDS: Final = "ship deploy review release save send open close start stop plan search".split()
TEMPLATES: Final = (
    "hello everyone and welcome",
    "good morning everyone",
    "welcome the {name} meeting",
    "the {name} team will {deed} on {day}",
    "we will {deed} the {name} {thing} {day}",
    "the {thing} is done",
    "action item {number} is {thing}",
    "please {deed} the {name} {thing}",
    "thank you everyone",
    "we agree on the {thing}",
    "next {thing} is on {day}",
    "the first {thing} is {colour}",
    "the second {thing} is {colour}",
    "{day} we decide on the {thing}",
    "question {number} is on the {thing}",
    "no question on the {name} {thing}",
    "yes we will {deed} {day}",
    "the {name} budget is {number} hundred {second}",
    "please open the {thing} and {deed} the {paper}",
    "the {colour} team will {deed} the {thing} next week",
    "customer {name} will review the {thing} {day}",
    "stop the recording",
    "start the recording please",
    "search the {thing}",
    "the server is {colour}",
)
MOST_WORDS: Final = 12


def sentence(rng: random.Random) -> list[str]:
    """Words of one utterance: a sentence from a meeting, digits, letters, or any words in any order (the most)."""
    kind = rng.random()
    if kind < 0.30:
        filled = rng.choice(TEMPLATES).format(
            name=rng.choice(ALPHABET),
            thing=rng.choice(THINGS),
            paper=rng.choice(PAPERS),
            deed=rng.choice(DEEDS),
            day=rng.choice(DAYS),
            number=rng.choice(DIGITS),
            second=rng.choice(DIGITS),
            colour=rng.choice(COLOURS),
        )
        return filled.split()
    words = DIGITS if kind < 0.40 else ALPHABET if kind < 0.48 else WORDS
    return rng.choices(words, k=rng.randint(1, MOST_WORDS))


def _byte_names() -> list[str]:
    """The printable character that stands for each byte in byte-level BPE."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


_KNOWN: Final = [*_byte_names(), "Ġ-", "Ġ'", *(f"Ġ{word}" for word in WORDS)]
TEXT: Final = [*_KNOWN, *(f"Ġunused{index}" for index in range(-len(_KNOWN) % 8))]
SPECIAL: Final = [
    f"<|{name}|>"
    for name in (
        *("endoftext", "startoftranscript", "translate", "transcribe"),
        *("startoflm", "startofprev", "nospeech", "notimestamps"),
    )
]
END, START, TRANSLATE, TRANSCRIBE, START_OF_LM, PREVIOUS, NO_SPEECH, NO_TIMESTAMPS = range(len(TEXT), len(TEXT) + 8)
FIRST_TIMESTAMP: Final = NO_TIMESTAMPS + 1
TIMESTAMPS: Final = 1501
TIMESTAMP_SECONDS: Final = 0.02
TOKENS: Final = [*TEXT, *SPECIAL, *(f"<|{index * TIMESTAMP_SECONDS:.2f}|>" for index in range(TIMESTAMPS))]
FIRST_WORD: Final = TEXT.index(f"Ġ{WORDS[0]}")
WORD_ID: Final = {word: FIRST_WORD + index for index, word in enumerate(WORDS)}
SPACE: Final = TEXT.index("Ġ")
