"""How often a word was spoken in a row."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.speech.engine.repetition import confirms, recounted
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Word

SPOKEN = 12


def spoken_at(starts: list[float], seconds: float) -> npt.NDArray[np.float32]:
    """Noise of a quarter of a second at each time, like a short word."""
    rng = np.random.default_rng(3)
    audio = np.zeros(int(seconds * SAMPLE_RATE), dtype=np.float32)
    for start in starts:
        first = int(start * SAMPLE_RATE)
        burst = np.hanning(SAMPLE_RATE // 4) * rng.normal(0, 0.1, SAMPLE_RATE // 4)
        audio[first : first + len(burst)] += burst.astype(np.float32)
    return audio


def decoded(count: int, end_s: float) -> list[Word]:
    step = end_s / count
    return [Word(" no," if n < count - 1 else " no.", n * step, (n + 1) * step, 0.9) for n in range(count)]


@pytest.mark.promise("transcript.nothing-invented")
@pytest.mark.parametrize("period_s", [0.25, 0.4765, 0.9])
@pytest.mark.parametrize("count", [9, 11, 12, 13, 14, 17])
def test_a_word_at_a_steady_tempo_is_counted_by_the_audio(period_s: float, count: int) -> None:
    starts = [0.1 + n * period_s for n in range(SPOKEN)]
    end_s = 0.1 + SPOKEN * period_s
    counted = recounted([*decoded(count, end_s), Word(" Stop.", end_s, end_s + 0.4, 0.9)], spoken_at(starts, end_s + 1))
    assert [word.word for word in counted] == [*[" no,"] * (SPOKEN - 1), " no.", " Stop."]
    ends = [word.end for word in counted[:-1]]
    assert ends == pytest.approx([start + 0.125 + period_s / 2 for start in starts], abs=0.05)


@pytest.mark.parametrize("late_s", [-0.15, 0.0, 0.2])
def test_the_next_word_is_not_counted_if_the_model_aligns_it_badly(late_s: float) -> None:
    end_s = 0.1 + SPOKEN * 0.48
    audio = spoken_at([0.1 + n * 0.48 for n in range(SPOKEN)], end_s + 1)
    next_word = np.random.default_rng(4).normal(0, 0.04, int(0.6 * SAMPLE_RATE)).astype(np.float32)
    audio[int(end_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE) + len(next_word)] += next_word
    counted = recounted([*decoded(14, end_s + late_s), Word(" that", end_s + late_s, end_s + 0.6, 0.9)], audio)
    assert len(counted) == SPOKEN + 1


def test_at_the_end_of_the_audio_silence_is_not_counted() -> None:
    audio = spoken_at([0.1 + n * 0.5 for n in range(SPOKEN)], 6.8)
    assert len(recounted(decoded(14, 6.0), audio)) == SPOKEN


def test_without_a_steady_tempo_only_words_that_follow_too_soon_are_dropped() -> None:
    starts = [0, 0.5, 1, 1.5, 1.55, 2, 2.5, 2.52, 3]
    words = [Word(" no,", at, at + 0.02, 0.9) for at in starts]
    noise = np.random.default_rng(5).normal(0, 0.1, 4 * SAMPLE_RATE).astype(np.float32)
    assert [word.start for word in recounted(words, noise)] == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    silence = np.zeros(4 * SAMPLE_RATE, dtype=np.float32)
    assert [word.start for word in recounted(words, silence)] == [0, 0.5, 1, 1.5, 2, 2.5, 3]


def test_a_text_without_repetition_stays() -> None:
    words = [Word(" no,", 0, 1, 0.9), Word(" thanks", 1, 2, 0.9)]
    assert recounted(words, np.zeros(2 * SAMPLE_RATE, dtype=np.float32)) == tuple(words)


def test_a_repetition_is_confirmed_by_a_second_decode_with_the_same_word() -> None:
    said = decoded(6, 3)
    assert confirms(said, [Word(" so", 0, 0.2, 0.9), *decoded(4, 3)])
    assert not confirms(said, [Word(" yes", n, n + 1, 0.9) for n in range(5)])
    assert not confirms(said, decoded(3, 3))


@given(
    starts=st.lists(st.floats(0, 12), min_size=4, max_size=20),
    spoken=st.lists(st.floats(0, 9), max_size=20),
    seconds=st.floats(0.02, 10),
    follows=st.booleans(),
)
def test_words_stay_in_order_whatever_the_model_and_the_audio_are(
    starts: list[float], spoken: list[float], seconds: float, follows: bool
) -> None:
    words = [Word(" no", at, at + 0.2, 0.9) for at in sorted(starts)]
    if follows:
        words.append(Word(" stop", words[-1].end, words[-1].end + 0.2, 0.9))
    audio = spoken_at(sorted(spoken), 10)[: int(seconds * SAMPLE_RATE)]
    counted = recounted(words, audio)
    assert counted
    assert [word.start for word in counted] == sorted(word.start for word in counted)
    assert all(word.start <= word.end for word in counted)
