"""Windows of speech, and word times mapped back to the clip."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.speech.engine.speech import FRAME_SAMPLES, Window, pack, pieces_of, runs, speech_mask
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Interval, Word


@st.composite
def masks(draw) -> np.ndarray:
    """Alternating speech and pauses, in frames of 32 ms."""
    lengths = draw(st.lists(st.integers(1, 1200), min_size=0, max_size=20))
    first = draw(st.booleans())
    parts = [np.full(length, (number % 2 == 0) == first) for number, length in enumerate(lengths)]
    return np.concatenate([*parts, np.zeros(0, dtype=bool)]).astype(bool)


@given(masks(), st.integers(5, 26))
def test_windows_contain_all_speech_once_in_order_and_are_never_too_long(mask, limit_s) -> None:
    n_samples, limit = len(mask) * FRAME_SAMPLES, limit_s * SAMPLE_RATE
    windows = pack(pieces_of(mask, n_samples), mask.astype(np.float32), limit)
    assert all(0 < window.samples <= limit for window in windows)
    pieces = [piece for window in windows for piece in window.pieces]
    assert all(a.end <= b.start for a, b in zip(pieces, pieces[1:], strict=False))
    covered = np.zeros(n_samples, dtype=bool)
    for piece in pieces:
        covered[piece.start : piece.end] = True
    assert covered[np.repeat(mask, FRAME_SAMPLES)].all()


@given(masks())
def test_pauses_are_shortened_and_never_lengthened(mask) -> None:
    n_samples = len(mask) * FRAME_SAMPLES
    pieces = pieces_of(mask, n_samples)
    kept = sum(piece.end - piece.start for piece in pieces)
    speech = int(mask.sum()) * FRAME_SAMPLES
    assert speech <= kept <= min(n_samples, speech + int(0.3 * SAMPLE_RATE) * len(runs(mask)))


def test_speech_starts_at_a_high_probability_and_continues_until_a_low_one() -> None:
    found = speech_mask(np.array([0.4, 0.6, 0.4, 0.36, 0.3, 0.4, 0.5], dtype=np.float32))
    assert found.tolist() == [False, True, True, True, False, False, True]


def test_windows_of_a_clip_have_similar_lengths() -> None:
    pieces = [Interval(n * SAMPLE_RATE, n * SAMPLE_RATE + SAMPLE_RATE // 2) for n in range(60)]
    windows = pack(pieces, np.zeros(2000, dtype=np.float32), 26 * SAMPLE_RATE)
    assert [len(window.pieces) for window in windows] == [30, 30]


def test_a_word_is_placed_in_the_piece_that_contains_most_of_it() -> None:
    window = Window((Interval(0, SAMPLE_RATE), Interval(5 * SAMPLE_RATE, 7 * SAMPLE_RATE)))
    first, across, last = (
        window.in_clip_time(Word("x", start, end, 1.0)) for start, end in ((0.2, 0.5), (0.9, 1.4), (2.5, 3.0))
    )
    assert (first.start, first.end) == (0.2, 0.5)
    assert (across.start, across.end) == (5.0, 5.4)
    assert (last.start, last.end) == (6.5, 7.0)
