"""Paragraphs and times of words, by the examples that test/core/paragraphs.test.ts reads as well."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PROJECT
from gpu_worker.service.http.formats import to_txt
from gpu_worker.service.http.paragraphs import paragraphs_of
from gpu_worker.service.queue.results import StoredSegment
from gpu_worker.speech.engine.model import Decoded
from gpu_worker.speech.engine.wording import in_order, segments_of
from gpu_worker.speech.joining.word_times import MIN_WORD_SECONDS, with_durations
from gpu_worker.speech.segments import Word

EXAMPLES = json.loads((PROJECT / "test" / "fixtures" / "formats" / "paragraphs.json").read_text())
SECONDS = st.integers(0, 3000).map(lambda ms: ms / 1000)


def stored(text: str, start: float, end: float) -> StoredSegment:
    return {
        **{"id": 0, "text": text, "start": start, "end": end, "words": [], "language": "en"},
        **{"avg_logprob": 0.0, "no_speech_prob": 0.0, "compression_ratio": 1.0},
    }  # type: ignore[typeddict-item]


@pytest.mark.promise("transcript.paragraphs")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["title"])
def test_paragraphs_are_those_of_the_shared_example(example: dict[str, Any]) -> None:
    assert [len(paragraph) for paragraph in paragraphs_of(example["segments"])] == example["paragraphs"]


@pytest.mark.promise("transcript.paragraphs")
def test_a_blank_line_separates_the_parts_of_a_file_and_its_paragraphs() -> None:
    segments = [stored("One two.", 0, 1), stored("Three,", 1, 2), stored("four.", 2, 3), stored("Five.", 5, 6)]
    assert to_txt("One two. Three,\n\nfour. Five.", segments) == "One two. Three,\n\nfour.\n\nFive.\n"
    assert to_txt("", []) == ""


@pytest.mark.promise("transcript.word-times")
@given(
    times=st.lists(st.tuples(SECONDS, st.sampled_from([0, 0.001, 0.02, 0.3, 5])), max_size=40),
    lead_in_s=st.sampled_from([0.0, 1.5]),
)
def test_every_word_of_a_clip_lasts_overlaps_no_other_and_ends_with_the_clip(
    times: list[tuple[float, float]], lead_in_s: float
) -> None:
    decoded = Decoded((), "en", 1.0, -0.2, 0.0, 1.0, ())
    words = in_order([(Word(" a", start, start + length, 0.9), decoded) for start, length in times], lead_in_s, 3.0)
    own = [word for segment in segments_of(words[len(words) // 2 :]) for word in segment.words]
    for timed, last in (([word for word, _ in words], 3.0 - lead_in_s), (own, 9.0)):
        assert all(word.end - word.start > MIN_WORD_SECONDS - 1e-6 for word in timed)
        ends = [*(word.start for word in timed[1:]), last]
        assert all(word.end < following + 1e-6 for word, following in zip(timed, ends, strict=False))


@pytest.mark.promise("transcript.word-times")
def test_a_word_starts_where_it_did_unless_it_would_not_last() -> None:
    words = [Word(" a", start, end, 0.9) for start, end in [(1, 1), (1.01, 1.5), (1.4, 1.4), (2.99, 3)]]
    timed = with_durations(words, 0, 3)
    assert [(word.start, word.end) for word in timed] == [(1, 1.02), (1.02, 1.4), (1.4, 1.42), (2.98, 3)]


@pytest.mark.promise("transcript.unspaced")
def test_a_chinese_word_has_no_space_even_at_the_beginning_of_a_window() -> None:
    decoded = Decoded((), "zh", 1.0, -0.2, 0.0, 1.0, ())
    spoken = [Word(text, at / 4, at / 4 + 0.2, 0.9) for at, text in enumerate([" 你", "好。", " 我们", " OK", " 好", " ok"])]
    (segment,) = segments_of(in_order([(word, decoded) for word in spoken], 0.0, 3.0))
    assert segment.text == "你好。我们 OK 好 ok"
