"""Languages, repetition and silence through the service's API, with a multilingual model."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path
from typing import Any

import media_cases
import numpy as np
import openai
import pytest
from quality.corpora import SAMPLE_RATE, Audio, decode
from quality.scoring import normal

from gpu_worker.speech.models import find_model
from service_process import Running, service

FIXTURES = Path(__file__).parents[3] / "test" / "fixtures" / "speech"
SPOKEN_NO = 12
SPOKEN = {
    "german.opus": ("german", {"guten", "morgen", "haus", "garten"}),
    "french.opus": ("french", {"dans", "mode", "tout", "vous"}),
    "spanish.opus": ("spanish", {"este", "modo", "todo", "repetido"}),
    "italian.opus": ("italian", {"questa", "tutto", "quanto", "ripetuto"}),
    "russian.opus": ("russian", {"вы", "режим", "чтобы"}),
    "english.opus": ("english", {"first", "part", "recorded", "morning"}),
}
"""Four of them have the same length, so their windows share batches in any order of arrival."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = find_model("base", for_tests=True).folder
    # as on a GPU: simultaneous requests share batches
    with service(tmp_path_factory.mktemp("service"), folder, JOBS_AT_ONCE="8") as one:
        yield one


def wav(audio: Audio) -> bytes:
    """A WAV file of float32 [n_samples], 16 kHz."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((audio * 32_767).astype("<i2").tobytes())
    return content.getvalue()


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def transcribe(running: Running, content: bytes, **fields: str) -> dict[str, Any]:
    """The transcription of a file in OpenAI's format."""
    form = {"model": "whisper-1", "response_format": "verbose_json", **fields}
    response = running.call("POST", "/v1/audio/transcriptions", data=form, files={"file": ("talk.wav", content)})
    assert response.status_code == 200, response.text
    made: dict[str, Any] = response.json()
    return made


def result(running: Running, content: bytes, job_id: str) -> dict[str, Any]:
    """The service's own transcript of a file."""
    assert running.send(content, job_id=job_id).status_code == 200
    assert running.ended(job_id)["status"] == "completed"
    made: dict[str, Any] = running.call("GET", f"/transcript/{job_id}").json()
    return made


def words_of(text: str) -> list[str]:
    return [word.strip(".,!?").lower() for word in text.replace("-", " ").split()]


@pytest.mark.promise("speech.product")
def test_files_that_are_sent_at_the_same_time_have_their_own_languages(running: Running) -> None:
    with ThreadPoolExecutor(len(SPOKEN)) as pool:
        made = dict(zip(SPOKEN, pool.map(lambda name: transcribe(running, fixture(name)), SPOKEN), strict=True))
    for name, (language, words) in SPOKEN.items():
        assert made[name]["language"] == language
        assert words <= set(words_of(made[name]["text"]))


@pytest.mark.promise("speech.product")
def test_a_silent_file_has_no_language_and_no_text(running: Running, speech: dict[str, Audio]) -> None:
    made = transcribe(running, wav(speech["silence"]))
    assert (made["language"], made["text"], made["segments"]) == ("und", "", [])


@pytest.mark.promise("speech.product")
def test_a_file_that_begins_with_silence_has_the_language_of_its_speech(running: Running, speech: dict[str, Audio]) -> None:
    made = result(running, wav(np.concatenate([speech["silence"], speech["german"]])), "late")
    assert made["language"] == "de"
    assert made["segments"][0]["start"] > 34
    assert {segment["language"] for segment in made["segments"]} == {"de"}


@pytest.mark.promise("speech.product")
def test_a_bilingual_file_has_the_language_of_each_stretch(running: Running, speech: dict[str, Audio]) -> None:
    made = result(running, wav(np.concatenate([speech["english"], *[speech["german"]] * 3])), "bilingual")
    english_s = len(speech["english"]) / SAMPLE_RATE
    spoken = [(word, segment["language"]) for segment in made["segments"] for word in segment["words"]]
    right = [("en" if (word["start"] + word["end"]) / 2 < english_s else "de") == language for word, language in spoken]
    assert {language for _, language in spoken} == {"en", "de"}
    assert len(right) > 40
    assert sum(right) >= 0.9 * len(right)


@pytest.mark.promise("speech.product")
def test_a_spoken_repetition_is_kept(running: Running) -> None:
    words = words_of(transcribe(running, fixture("repetition.flac"))["text"])
    assert words[-3:] == ["that", "is", "wrong"]
    assert set(words[:-3]) == {"no"}
    assert len(words[:-3]) == SPOKEN_NO


@pytest.mark.promise("speech.product")
@pytest.mark.parametrize("language", ["xx", "yue"])
def test_a_language_that_the_loaded_model_does_not_know_is_refused(running: Running, language: str) -> None:
    before = running.call("GET", "/jobs").json()
    form = {"model": "whisper-1", "language": language}
    refused = running.call("POST", "/v1/audio/transcriptions", data=form, files={"file": ("a.opus", fixture("german.opus"))})
    error = refused.json()["error"]
    assert (refused.status_code, error["param"], error["code"]) == (422, "language", "invalid-language")
    assert error["languages"]["de"] == "German" and "yue" not in error["languages"]
    assert running.call("GET", "/jobs").json() == before


@pytest.mark.promise("speech.product")
@pytest.mark.parametrize("language", ["iw", "fil", "in", "nb", "en-US", "english", "auto", ""])
def test_languages_are_accepted_as_clients_name_them(running: Running, speech: dict[str, Audio], language: str) -> None:
    assert transcribe(running, wav(speech["silence"]), language=language)["language"] == "und"


@pytest.mark.promise("media.formats", "media.clock")
def test_recordings_of_all_kinds_are_recognized_at_their_times(running: Running, tmp_path: Path) -> None:
    cases = [case for case in media_cases.write_all(tmp_path) if case.is_chosen]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda case: result(running, (tmp_path / case.name).read_bytes(), f"kind-{case.name}"), cases))
    for case, found in zip(cases, made, strict=True):
        matcher = SequenceMatcher(a=normal(case.text), b=normal(found["text"]), autojunk=False)
        wrong = [change for change in matcher.get_opcodes() if change[0] != "equal"]
        errors = sum(max(a_end - a, b_end - b) for _, a, a_end, b, b_end in wrong)
        assert errors <= 1, case.name  # telephone codecs cost one word
        assert found["segments"][0]["start"] == pytest.approx(case.begins_s, abs=0.15), case.name
        assert found["duration_seconds"] == pytest.approx(case.seconds, abs=0.15), case.name


@pytest.mark.promise("media.channels")
def test_channels_can_be_separate(running: Running, tmp_path: Path) -> None:
    media_cases.write_all(tmp_path)
    content = (tmp_path / "left-right.wav").read_bytes()
    response = running.send(content, job_id="separate", channels="separate")
    assert response.status_code == 200, response.text
    assert running.ended("separate")["status"] == "completed"
    segments = running.call("GET", "/transcript/separate").json()["segments"]
    for speaker, sentence in (("S1", media_cases.SENTENCE), ("S2", media_cases.OTHER_SENTENCE)):
        assert normal(" ".join(one["text"] for one in segments if one["speaker"] == speaker)) == normal(sentence)
    assert running.send(content, job_id="other", channels="left").json()["code"] == "invalid-channels"


@pytest.mark.promise("speakers")
def test_speakers_are_detected_word_by_word(running: Running) -> None:
    english, spanish = (decode(FIXTURES / f"{name}.opus") for name in ("english", "spanish"))
    content = wav(np.concatenate([english, spanish, english]))
    assert running.send(content, job_id="speakers", diarize="true").status_code == 200
    assert running.ended("speakers")["status"] == "completed"
    segments = running.call("GET", "/transcript/speakers").json()["segments"]
    changes = [len(english) / SAMPLE_RATE, (len(english) + len(spanish)) / SAMPLE_RATE]
    for segment in segments:
        assert all(not segment["start"] + 0.3 < at < segment["end"] - 0.3 for at in changes), "a segment has one speaker"
        middle = (segment["start"] + segment["end"]) / 2
        assert segment["speaker"] == ("S2" if changes[0] < middle < changes[1] else "S1"), segment
    assert "S2: " in running.call("GET", "/download/speakers").text
    by_openai = transcribe(running, content, response_format="diarized_json")["segments"]
    assert [one["speaker"] for one in by_openai] == ["AB"[segment["speaker"] == "S2"] for segment in segments]
    assert running.send(content, job_id="one", diarize="true", max_speakers="1").status_code == 200
    assert running.ended("one")["status"] == "completed"
    assert {one["speaker"] for one in running.call("GET", "/transcript/one").json()["segments"]} == {"S1"}
    three = transcribe(running, content, response_format="diarized_json", min_speakers="3", max_speakers="3")["segments"]
    assert {one["speaker"] for one in three} == {"A", "B", "C"}
    other = running.send(content, job_id="both", diarize="true", channels="separate")
    assert (other.status_code, other.json()["code"]) == (422, "invalid-diarize")


def data_url(content: bytes) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(content).decode()}"


def seconds(audio: Audio, start_s: float, end_s: float) -> Audio:
    return audio[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]


@pytest.mark.promise("speakers", "service.openai")
@pytest.mark.parametrize("is_native", [True, False], ids=["parameters", "extra_body"])
def test_known_speakers_have_their_names(running: Running, speech: dict[str, Audio], is_native: bool) -> None:
    slt, allison = speech["english"], speech["spanish"]
    file = wav(np.concatenate([slt, allison, slt]))
    known = {"A": seconds(speech["russian"], 0, 5), "Sarah": seconds(speech["repetition"], 0, 6)}
    parameters: dict[str, Any] = {
        "known_speaker_names": list(known),
        "known_speaker_references": [data_url(wav(audio)) for audio in known.values()],
    }
    client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused")
    fields: dict[str, Any] = {"model": "gpt-4o-transcribe-diarize", "file": ("talk.wav", file), "chunking_strategy": "auto"}
    made: Any = client.audio.transcriptions.create(
        **fields, response_format="diarized_json", **(parameters if is_native else {"extra_body": parameters})
    )
    assert [name for name, _ in groupby(segment.speaker for segment in made.segments)] == ["Sarah", "B", "Sarah"]
    without: Any = client.audio.transcriptions.create(**fields, response_format="diarized_json")
    assert [name for name, _ in groupby(segment.speaker for segment in without.segments)] == ["A", "B", "A"]
    events = list(client.audio.transcriptions.create(**fields, response_format="diarized_json", stream=True, **parameters))
    assert [event.speaker for event in events if event.type == "transcript.text.segment"] == [
        segment.speaker for segment in made.segments
    ]
    assert list((running.folder / "uploads").iterdir()) == []


@pytest.mark.promise("speakers", "service.openai")
def test_recordings_of_known_speakers_must_be_2_to_10_s_of_speech(running: Running, speech: dict[str, Audio]) -> None:
    client = openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0)
    right = "known_speaker_references[1] must be 2 to 10 s of audio"
    for audio, message in {
        wav(seconds(speech["french"], 0, 1.5)): f"{right}, but is 1.5 s long",
        wav(np.tile(speech["french"], 2)): f"{right}: the audio is longer than 10 s",
        wav(speech["silence"][: 5 * SAMPLE_RATE]): "known_speaker_references[1] contains too little speech",
        wav(speech["french"])[:20]: f"{right}: the file cannot be decoded; it is damaged or of another format",
    }.items():
        with pytest.raises(openai.BadRequestError) as refused:
            client.audio.transcriptions.create(
                model="whisper-1",
                file=("talk.wav", fixture("english.opus")),
                response_format="diarized_json",
                known_speaker_names=["June", "other"],
                known_speaker_references=[data_url(wav(speech["french"])), data_url(audio)],
            )
        assert (refused.value.param, refused.value.code) == ("known_speaker_references", "invalid_value")
        assert refused.value.body["message"] == message  # type: ignore[index]
