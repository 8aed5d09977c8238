"""Windows for the model, and segments that read like subtitles."""

from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.segments import (
    MAX_SEGMENT_SECONDS,
    SPLIT_PAUSE_SECONDS,
    Interval,
    Segment,
    Word,
    loop_start,
    pack,
    split,
    spread,
)


@st.composite
def speech(draw) -> list[Interval]:
    """Intervals in order that do not overlap."""
    edges = sorted(draw(st.lists(st.integers(0, 480_000), min_size=0, max_size=40, unique=True)))
    return [Interval(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]


@given(speech(), st.integers(1_000, 480_000))
def test_windows_cover_all_speech_once_in_order_and_are_never_too_long(intervals, max_samples) -> None:
    windows = pack(intervals, max_samples)
    assert all(0 < window.end - window.start <= max_samples for window in windows)
    assert all(a.end <= b.start for a, b in zip(windows, windows[1:], strict=False))
    covered = set()
    for window in windows:
        covered.update(range(window.start // 100, -(-window.end // 100)))
    for interval in intervals:
        assert set(range(interval.start // 100, -(-interval.end // 100))) <= covered


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


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=6),
    st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=8),
)
def test_a_group_that_comes_again_and_again_is_a_loop_and_starts_at_its_first_repetition(before, group) -> None:
    at = loop_start([*before, *group * 12])
    assert at is not None and len(before) < at <= len(before) + len(group)


@given(st.permutations([f"w{n}" for n in range(40)]))
def test_speech_that_does_not_repeat_itself_is_no_loop(words) -> None:
    assert loop_start(words) is None


def test_a_few_repeated_words_are_what_people_say() -> None:
    assert loop_start(["no", "no", "no", "no", "no", "I", "said", "no"]) is None
    assert loop_start(["very", "very", "very", "good", "and", "very", "very", "good"]) is None


def test_words_without_times_share_their_segments_time_in_order() -> None:
    words = spread("a bbb cc", 1.0, 4.0)
    assert [(word.word, word.start, word.end) for word in words] == [(" a", 1.0, 1.5), (" bbb", 1.5, 3.0), (" cc", 3.0, 4.0)]
    assert spread("", 0, 1) == ()
