"""Plausibility of texts, and speech without words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.speech.engine.coverage import (
    echoes,
    holes,
    loop_start,
    repeats_phrase,
    uncovered,
)
from gpu_worker.speech.engine.languages import Stretch, most_likely_languages
from gpu_worker.speech.engine.speech import FRAME_SAMPLES
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Word


def at_pace(words: list[str], per_second: float, start_s: float = 0.0) -> list[Word]:
    step = 1 / per_second
    return [Word(f" {word}", start_s + n * step, start_s + (n + 1) * step, 0.9) for n, word in enumerate(words)]


@pytest.mark.promise("transcript.nothing-invented")
@given(
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=6),
    st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=8),
)
def test_a_group_repeated_too_fast_is_a_loop_that_starts_at_its_first_repetition(before, group) -> None:
    at = loop_start(at_pace([*before, *group * 12], 40))
    assert at is not None and len(before) < at <= len(before) + len(group)


@given(st.permutations([f"w{n}" for n in range(40)]))
def test_speech_without_repetition_is_not_a_loop(words) -> None:
    assert loop_start(at_pace(words, 40)) is None


def test_twelve_slow_repetitions_are_not_a_loop() -> None:
    assert loop_start(at_pace(["no"] * 12, 2)) is None
    assert loop_start(at_pace(["no"] * 12, 20)) == 1


def test_a_phrase_twice_in_a_row_is_suspicious() -> None:
    assert repeats_phrase(at_pace("we had a we had a good time".split(), 3))
    assert not repeats_phrase(at_pace("we had a very very good time".split(), 3))


MASK = np.ones(10 * SAMPLE_RATE // FRAME_SAMPLES, dtype=bool)


@pytest.mark.promise("transcript.nothing-invented")
def test_a_stretched_word_covers_only_its_longest_plausible_time() -> None:
    words = [Word(" well", 0.0, 6.0, 0.9), *at_pace(["and"] * 12, 3, 6.0)]
    [hole] = holes(uncovered(MASK, words))
    assert hole.start / SAMPLE_RATE == pytest.approx(0.44, abs=0.1)
    assert hole.end / SAMPLE_RATE == pytest.approx(6.0, abs=0.1)


def test_consecutive_words_leave_no_hole() -> None:
    assert holes(uncovered(MASK, at_pace(["word"] * 30, 3))) == []


def test_words_of_the_prompt_in_the_text_are_an_echo() -> None:
    words = at_pace("the weather report begins now".split(), 3)
    assert echoes(words, "Good morning. The weather report!")
    assert not echoes(words, "the weather is fine")
    assert echoes(words, "weather") and not echoes(words, "")


def test_the_language_changes_where_the_probabilities_are_clear() -> None:
    english, german = Stretch([("en", 0.9), ("de", 0.05)], 5), Stretch([("de", 0.9), ("en", 0.05)], 5)
    even = [("en", 0.5), ("de", 0.5)]
    vague, short = Stretch([("de", 0.4), ("en", 0.35)], 5), Stretch([("th", 0.7), ("en", 0.1)], 1)
    codes = [code for code, _ in most_likely_languages([english, german, german], even, None)]
    assert codes == ["en", "de", "de"]
    assert [code for code, _ in most_likely_languages([english, vague, english], even, None)] == ["en", "en", "en"]
    assert [code for code, _ in most_likely_languages([english, short, english], even, None)] == ["en", "en", "en"]
    assert [code for code, _ in most_likely_languages([short, english], even, None, before="en")] == ["en", "en"]


def test_a_language_that_is_never_clear_is_no_part_of_a_recording_in_another_language() -> None:
    unclear, german = Stretch([("th", 0.84), ("en", 0.07)], 3.7), Stretch([("de", 1.0), ("en", 0.0)], 4.2)
    codes = [
        code for code, _ in most_likely_languages([unclear, german, german], [("de", 0.7), ("th", 0.2)], None, before="de")
    ]
    assert codes == ["de", "de", "de"]


@pytest.mark.promise("speech.session-language")
def test_the_language_of_the_recording_decides_where_a_chunk_is_unsure() -> None:
    vague = [("de", 0.4), ("nl", 0.35), ("en", 0.2)]
    clear = [("de", 0.95), ("nl", 0.03)]
    assert most_likely_languages([Stretch(vague, 5)], vague, None)[0][0] == "de"
    assert most_likely_languages([Stretch(vague, 5)], vague, "nl")[0][0] == "nl"
    assert most_likely_languages([Stretch(clear, 5)], clear, "nl")[0][0] == "de"


def test_languages_that_models_report_for_unclear_speech_need_a_higher_probability() -> None:
    for found, expected in (([("la", 0.3), ("fr", 0.2)], "fr"), ([("la", 0.9), ("fr", 0.02)], "la")):
        assert most_likely_languages([Stretch(found, 5)], found, None)[0][0] == expected


def test_a_word_of_more_than_sixty_letters_is_a_loop() -> None:
    assert loop_start(at_pace(["oh", "a" + "h" * 80, "yes"], 40)) == 1
    assert loop_start(at_pace(["Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"], 400)) is None
