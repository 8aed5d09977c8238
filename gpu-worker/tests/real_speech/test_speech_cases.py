"""Difficult recordings: several languages, repetition, silence, sounds without speech, prompts that are also spoken."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from quality import faults, nonspeech
from quality.corpora import SAMPLE_RATE, Audio
from quality.scoring import normal

from gpu_worker.speech.engine import Clip, Engine, Options

LANGUAGES = {"english": "en", "french": "fr", "spanish": "es", "italian": "it", "russian": "ru"}
ORDERS = [tuple(order[n:] + order[:n]) for order in (list(LANGUAGES), list(LANGUAGES)[::-1]) for n in range(len(LANGUAGES))]
"""Each language at each position of the batch, and before and after each neighbor; the benchmark runs all 120 orders."""
CODES = {**LANGUAGES, "german": "de"}
SPOKEN_NO = 12
"""The models alone return 12 to 17, depending on the CPU."""
SENTENCE = "The first part was recorded in the morning, before anybody had arrived."


def _languages(engine: Engine, speech: dict[str, Audio], order: tuple[str, ...]) -> list[str]:
    return [made.language for made in engine.transcribe([Clip(speech[name]) for name in order])]


@pytest.mark.promise("speech.languages")
@pytest.mark.parametrize("order", [*ORDERS, *permutations(["english", "german", "french"])], ids="-".join)
def test_each_clip_of_a_batch_has_its_own_language(base: Engine, speech: dict[str, Audio], order: tuple[str, ...]) -> None:
    assert _languages(base, speech, order) == [CODES[name] for name in order]


@pytest.mark.promise("speech.languages")
def test_a_planted_shared_language_of_a_batch_is_detected(base: Engine, speech: dict[str, Audio]) -> None:
    sharing = faults.planted(base, faults.SharesLanguage)
    assert _languages(sharing, speech, ("french", "spanish")) != ["fr", "es"]


@pytest.mark.promise("speech.languages")
def test_a_bilingual_recording_has_the_language_of_each_stretch(base: Engine, speech: dict[str, Audio]) -> None:
    english_s = len(speech["english"]) / SAMPLE_RATE
    (made,) = base.transcribe([Clip(np.concatenate([speech["english"], *[speech["german"]] * 3]))])
    spoken = [(word, segment.language) for segment in made.segments for word in segment.words]
    expected = [("en" if (word.start + word.end) / 2 < english_s else "de", language) for word, language in spoken]
    assert len(spoken) > 40
    assert sum(right == language for right, language in expected) >= 0.9 * len(expected)


@pytest.mark.promise("speech.languages")
def test_silence_has_no_language(base: Engine, speech: dict[str, Audio]) -> None:
    (made,) = base.transcribe([Clip(speech["silence"])])
    assert (made.language, made.segments, made.unheard) == ("und", (), ())


@pytest.mark.promise("speech.languages")
def test_silence_before_german_is_german(base: Engine, speech: dict[str, Audio]) -> None:
    (made,) = base.transcribe([Clip(np.concatenate([speech["silence"], speech["german"]]))])
    assert made.language == "de"
    assert made.segments[0].start > 34


@pytest.mark.promise("speech.cases")
@pytest.mark.parametrize("model", ["tiny", "base"])
def test_a_spoken_repetition_stays(request: pytest.FixtureRequest, model: str, speech: dict[str, Audio]) -> None:
    engine: Engine = request.getfixturevalue(model)
    (made,) = engine.transcribe([Clip(speech["repetition"], Options(language="en"))])
    words = [word.strip(".,!").lower() for word in made.text.replace("-", " ").split()]
    assert words[-3:] == ["that", "is", "wrong"]
    assert set(words[:-3]) == {"no"}
    assert len(words[:-3]) == SPOKEN_NO


@pytest.mark.promise("speech.cases")
@pytest.mark.parametrize("kind", [*nonspeech.KINDS])
def test_a_sound_without_speech_has_no_word(tiny: Engine, kind: str) -> None:
    for seed in (1, 2, 8):  # 8: a sweep that tiny.en decodes as "You"
        (made,) = tiny.transcribe([Clip(nonspeech.sound(kind, 15, seed))])
        assert made.text == ""


@pytest.mark.promise("speech.cases")
@pytest.mark.parametrize("model", ["tiny", "base"])
@pytest.mark.parametrize("prompt", [SENTENCE, "recorded in the morning", "The first part was recorded"])
def test_a_prompt_that_is_also_spoken_is_text(
    request: pytest.FixtureRequest, model: str, prompt: str, speech: dict[str, Audio]
) -> None:
    engine: Engine = request.getfixturevalue(model)
    (made,) = engine.transcribe([Clip(speech["english"], Options(language="en", prompt=prompt))])
    assert normal(made.text) == normal(SENTENCE)


@pytest.mark.promise("speech.cases")
@pytest.mark.parametrize("options", [Options(prompt="Thank you for watching."), Options(hotwords="Chunkscribe, ledger")])
def test_a_prompt_never_becomes_the_text_of_noise(tiny: Engine, options: Options) -> None:
    clips = [Clip(nonspeech.sound(kind, 8, 3), options) for kind in ("breath", "fan", "buzz with formants")]
    assert [made.text for made in tiny.transcribe(clips)] == ["", "", ""]


@pytest.mark.promise("speech.independence")
def test_short_clips_have_the_same_text_alone_and_in_a_batch(tiny: Engine, speech: dict[str, Audio]) -> None:
    english, no = speech["english"], speech["repetition"]
    audio = [english, no, english[: 2 * SAMPLE_RATE], no[: 3 * SAMPLE_RATE], english[SAMPLE_RATE:], speech["silence"]]
    alone = [tiny.transcribe([Clip(one)])[0].text for one in audio]
    assert [made.text for made in tiny.transcribe([Clip(one) for one in audio])] == alone
