"""A second decode fills holes in a text, without duplicating words."""

import pytest

from gpu_worker.speech.engine.patching import is_known, patched
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Interval, Word


def timed(text: str, start_s: float, per_second: float = 3.0) -> list[tuple[Word, None]]:
    step = 1 / per_second
    return [
        (Word(f" {word}", start_s + n * step, start_s + (n + 1) * step, 0.9), None) for n, word in enumerate(text.split())
    ]


def stretched(word: str, start: float, end: float) -> tuple[Word, None]:
    return Word(f" {word}", start, end, 0.9), None


def hole(start_s: float, end_s: float) -> Interval:
    return Interval(int(start_s * SAMPLE_RATE), int(end_s * SAMPLE_RATE))


def text(words: list[tuple[Word, None]]) -> str:
    return "".join(word.word for word, _ in words).strip()


@pytest.mark.promise("transcript.nothing-invented")
def test_words_before_a_stretched_one_are_filled_in_and_it_moves_to_its_position() -> None:
    known = [stretched("in", 0.0, 1.4), *timed("the morning", 1.4)]
    found = timed("The first part was recorded in the", 0.0, 5)
    made = patched(known, found, hole(0.35, 1.4))
    assert text(made) == "The first part was recorded in the morning"
    assert made[5][0].start == 1.0


def test_words_after_a_stretched_one_are_filled_in() -> None:
    known = [*timed("the number is", 0.0), stretched("is...", 1.0, 2.6), *timed("To leave", 2.6)]
    found = timed("is, followed by the pound key, To leave", 1.0, 4)
    assert text(patched(known[1:], found, hole(1.4, 2.6))) == "number is is... followed by the pound key, To leave"


def test_a_stretched_word_missing_from_the_second_decode_keeps_the_side_with_more_time() -> None:
    made = patched([stretched("leave", 1.0, 4.0), *timed("it", 4.0)], timed("then stop", 1.6, 4), hole(1.5, 4.0))
    assert text(made) == "then stop leave it"


@pytest.mark.promise("transcript.nothing-invented")
def test_known_words_are_not_added_again() -> None:
    known = timed("one two three four", 0.0)
    assert patched(known, timed("one two three four", 0.05), hole(0.3, 1.0)) == known
    assert text(patched(known, timed("won too", 0.05), hole(0.0, 0.6))) == text(known)


def test_an_empty_text_gets_the_words_in_or_near_the_hole() -> None:
    assert text(patched([], timed("one two three four five six", 0.0, 2), hole(1.0, 2.0))) == "two three four five"


def test_the_same_word_at_the_same_time_is_a_duplicate() -> None:
    word = Word(" Go.", 1.0, 1.3, 0.9)
    assert is_known(Word(" go", 1.2, 1.6, 0.9), word)
    assert not is_known(Word(" go", 3.0, 3.3, 0.9), word)
    assert not is_known(Word(" on", 1.4, 1.6, 0.9), word)
