"""Segments sized like subtitles."""

from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.speech.segments import (
    MAX_SEGMENT_SECONDS,
    SPLIT_PAUSE_SECONDS,
    Segment,
    Word,
    split,
)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 2)), max_size=40))
def test_splitting_keeps_every_word_once_and_ends_at_pauses(gaps) -> None:
    at, words = 0.0, []
    for number, (gap, length) in enumerate(gaps):
        words.append(Word(f" w{number}", at + gap, at + gap + length, 0.9))
        at += gap + length
    parts = split(Segment("", 0.0, at, -0.1, 0.0, 1.0, tuple(words)))
    assert [word for part in parts for word in part.words] == words
    for part in parts:
        assert part.text == "".join(word.word for word in part.words).strip()
        assert (part.start, part.end) == (part.words[0].start, part.words[-1].end)
        assert len(part.words) == 1 or part.end - part.start <= MAX_SEGMENT_SECONDS
        assert all(b.start - a.end < SPLIT_PAUSE_SECONDS for a, b in zip(part.words, part.words[1:], strict=False))


def test_a_sentence_ends_a_segment_that_is_not_too_short() -> None:
    text = "This takes two seconds. And so does this one. Yes. No."
    words = [Word(f" {word}", n * 0.6, n * 0.6 + 0.6, 0.9) for n, word in enumerate(text.split())]
    parts = split(Segment("", 0.0, words[-1].end, -0.1, 0.0, 1.0, tuple(words)))
    assert [part.text for part in parts] == ["This takes two seconds.", "And so does this one.", "Yes. No."]
