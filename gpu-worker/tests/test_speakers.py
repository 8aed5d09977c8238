"""Speakers with a tiny model, made here, that separates high from low voices; clustering by the shared examples."""

import base64
import json
import runpy
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kaldi_native_fbank
import numpy as np
import onnx
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from onnx import TensorProto, helper

from gpu_worker.cloud.stage.claims import Claim
from gpu_worker.cloud.stage.results import read_transcription, result_of
from gpu_worker.cloud.work.batch import Batches
from gpu_worker.service.model.speakers import FileSpeakers
from gpu_worker.speech.engine import Transcription
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.models.download import SourceFailed
from gpu_worker.speech.segments import Segment, Word
from gpu_worker.speech.speakers import (
    Limits,
    SpeakerModel,
    SpeakersUnavailable,
    Voice,
    catalogue,
    diarize,
    find_speaker_model,
    speaker_catalogue,
    speakers_of,
    with_voices,
)
from gpu_worker.speech.speakers.features import Features, _slaney_filters, features_of
from gpu_worker.speech.speakers.turns import assigned, overlapped

EXAMPLES = json.loads((Path(__file__).parents[2] / "test/fixtures/speakers/clustering.json").read_text())
LOW, HIGH = 150.0, 2500.0
HIGHER = 2700.0
"""A voice similar to HIGH: both are one speaker, unless there are three."""
TONES = Features(normalize="none", scale=1.0)
"""For tones, which have nothing but their mean."""


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose vector of 80 is the mean of each mel bin over time, minus the mean of all bins."""
    nodes = [
        helper.make_node("ReduceMean", ["feats"], ["bins"], axes=[1], keepdims=0),
        helper.make_node("ReduceMean", ["bins"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["bins", "mean"], ["voice"]),
    ]
    feats = helper.make_tensor_value_info("feats", TensorProto.FLOAT, ["windows", "frames", 80])
    voice = helper.make_tensor_value_info("voice", TensorProto.FLOAT, ["windows", 80])
    graph = helper.make_graph(nodes, "voices", [feats], [voice])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path_factory.mktemp("models") / "voices.onnx"
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="module")
def model(model_file) -> SpeakerModel:
    return SpeakerModel(model_file, TONES)


def spoken(*turns: tuple[float, float]) -> tuple[np.ndarray, list[Word]]:
    """Audio of (pitch, seconds) turns without pauses, and a word for every 0.4 s."""
    audio, words, at = [], [], 0.0
    for pitch, seconds in turns:
        time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        audio.append(0.3 * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * time)) * np.sin(2 * np.pi * pitch * time))
        for index in range(round(seconds / 0.4)):
            words.append(Word(" w", round(at + 0.4 * index, 3), round(at + 0.4 * index + 0.4, 3), 1.0))
        at += seconds
    return np.concatenate(audio).astype(np.float32), words


def speakers(model: SpeakerModel, *turns: tuple[float, float], limits: Limits | None = None) -> list[int]:
    found = diarize(model, *spoken(*turns), limits)
    numbers = speakers_of(found.voices, limits.least, limits.most) if limits else speakers_of(found.voices)
    return [numbers[label] for label in found.labels]


@pytest.mark.promise("speakers")
def test_each_word_gets_its_speaker_and_a_short_answer_keeps_its_own(model) -> None:
    assert speakers(model, (LOW, 6.0), (HIGH, 0.8), (LOW, 6.0), (HIGH, 4.0)) == [0] * 15 + [1] * 2 + [0] * 15 + [1] * 10


@pytest.mark.promise("speakers")
def test_people_in_long_audio_keep_their_number_over_all_blocks(model) -> None:
    turns = [(LOW, 8.0), (HIGH, 8.0)] * 6
    found = diarize(model, *spoken(*turns))
    assert len(found.voices) == 2
    assert list(found.labels) == ([found.labels[0]] * 20 + [found.labels[20]] * 20) * 6
    assert [voice.seconds for voice in found.voices] == [48.0, 48.0]


@pytest.mark.promise("speakers")
def test_the_words_of_a_stored_result_name_its_voices(model) -> None:
    audio, words = spoken((LOW, 4.0), (HIGH, 4.0))
    segments = [Segment("x", part[0].start, part[-1].end, 0, 0, 1, tuple(part)) for part in (words[:3], words[3:])]
    marked, voices = with_voices(model, audio, segments)
    assert [word.speaker for segment in marked for word in segment.words] == [0] * 10 + [1] * 10
    made = Transcription("en", 8.0, marked, speakers=voices)
    claim = Claim("s", 1, "u", "k", "etag", 1, 1)
    stored = result_of(claim, "m", made, speaker_model="ge2e")
    assert read_transcription(json.dumps(stored).encode()) == made
    assert '"model": "ge2e"' in json.dumps(stored["speakers"])
    silent = result_of(claim, "m", Transcription("en", 8.0, tuple(segments)))
    assert "speakers" not in silent and "speaker" not in str(silent["segments"])


@pytest.mark.promise("speakers")
def test_audio_without_words_has_no_voices(model) -> None:
    noise = np.random.default_rng(1).standard_normal(SAMPLE_RATE * 3).astype(np.float32)
    assert diarize(model, noise, []).voices == ()


def test_words_outside_the_audio_or_without_length_do_no_harm(model) -> None:
    audio, words = spoken((LOW, 2.0))
    odd = [*words, Word(" w", 2.0, 2.0, 1.0), Word(" w", 5.0, 6.0, 1.0)]
    assert len(diarize(model, audio, odd).labels) == len(odd)
    assert diarize(model, audio[:10], words).labels == (None,) * len(words)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["title"] for example in EXAMPLES])
@pytest.mark.promise("speakers")
def test_voices_are_grouped_as_in_the_shared_examples(example) -> None:
    voices = [Voice(**voice) for voice in example["voices"]]
    assert speakers_of(voices, example["least"], example.get("most")) == example["speakers"]


def test_the_order_of_voices_does_not_matter() -> None:
    voices = [Voice(**voice) for voice in EXAMPLES[0]["voices"]]
    labels = speakers_of(voices)
    shuffled = np.random.default_rng(1).permutation(len(voices))
    again = speakers_of([voices[index] for index in shuffled])
    assert len({(labels[index], label) for index, label in zip(shuffled, again, strict=True)}) == len(set(labels))


def test_a_change_of_voice_costs_less_in_a_pause() -> None:
    a, b = np.eye(2, dtype=np.float32)
    unclear = (a * 0.45 + b * 0.55)[None]
    vectors = np.concatenate([[a] * 5, unclear, [a] * 5, [b] * 5]).astype(np.float32)
    labels = np.array([0] * 11 + [1] * 5)

    def words(pause: float) -> list[Word]:
        ends = [0.4 * index + (pause if index > 5 else 0) + (pause if index >= 5 else 0) for index in range(16)]
        return [Word(" w", end, end + 0.4, 1.0) for end in ends]

    assert assigned(words(0.0), vectors, vectors, labels)[0][5] == 0
    assert assigned(words(0.2), vectors * 1, np.where(np.arange(16)[:, None] == 5, b, vectors), labels)[0][5] == 1


def test_words_that_sound_like_two_voices_are_overlapped() -> None:
    a, b = np.eye(2, dtype=np.float32)
    assert overlapped(np.stack([a, a + b, b]), np.stack([a, b])).tolist() == [False, True, False]


def test_features_equal_those_of_kaldi_and_librosa() -> None:
    audio = (np.random.default_rng(1).standard_normal(SAMPLE_RATE) * 0.1).astype(np.float32)
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither, options.frame_opts.samp_freq, options.mel_opts.num_bins = 0, SAMPLE_RATE, 80
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(SAMPLE_RATE, (audio * 32768).tolist())
    fbank.input_finished()
    expected = np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])
    np.testing.assert_allclose(features_of(audio, Features(normalize="none")), expected, atol=1e-3)
    filters = FeatureExtractor.get_mel_filters(SAMPLE_RATE, 400, 40)
    np.testing.assert_allclose(_slaney_filters(40, 400).T, filters, atol=1e-6)


def test_a_constant_channel_does_not_change_features_without_their_moving_mean() -> None:
    audio = (np.random.default_rng(1).standard_normal(SAMPLE_RATE * 5) * 0.1).astype(np.float32)
    moving = Features(normalize="moving_mean")
    found, plain = features_of(audio, moving), features_of(audio, Features(normalize="none"))
    np.testing.assert_allclose(features_of(audio * 4, moving), found, atol=1e-3)
    np.testing.assert_allclose(found[250], plain[250] - plain[100:401].mean(axis=0), atol=1e-3)


@pytest.fixture(scope="module")
def spans_model(tmp_path_factory: pytest.TempPathFactory) -> SpeakerModel:
    """A model that takes spans: the mean of each mel bin over each, minus the mean of all bins."""
    scalars = {"zero": 0, "one": 1}
    constants = [helper.make_tensor(name, TensorProto.INT64, [], [value]) for name, value in scalars.items()]
    constants += [
        helper.make_tensor("first", TensorProto.INT64, [1], [0]),
        helper.make_tensor("second", TensorProto.INT64, [1], [1]),
        helper.make_tensor("row", TensorProto.INT64, [4], [1, 0, 0, 0]),
    ]
    nodes = [
        helper.make_node("Squeeze", ["feats", "first"], ["frames"]),
        helper.make_node("Pad", ["frames", "row"], ["padded"]),
        helper.make_node("CumSum", ["padded", "zero"], ["sums"]),
        helper.make_node("Gather", ["spans", "zero"], ["starts"], axis=1),
        helper.make_node("Gather", ["spans", "one"], ["ends"], axis=1),
        helper.make_node("Gather", ["sums", "starts"], ["before"]),
        helper.make_node("Gather", ["sums", "ends"], ["after"]),
        helper.make_node("Sub", ["after", "before"], ["total"]),
        helper.make_node("Sub", ["ends", "starts"], ["length"]),
        helper.make_node("Unsqueeze", ["length", "second"], ["column"]),
        helper.make_node("Cast", ["column"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["total", "count"], ["bins"]),
        helper.make_node("ReduceMean", ["bins"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["bins", "mean"], ["voice"]),
    ]
    feats = helper.make_tensor_value_info("feats", TensorProto.FLOAT, [1, "frames", 80])
    spans = helper.make_tensor_value_info("spans", TensorProto.INT64, ["windows", 2])
    voice = helper.make_tensor_value_info("voice", TensorProto.FLOAT, ["windows", 80])
    graph = helper.make_graph(nodes, "spans", [feats, spans], [voice], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path_factory.mktemp("models") / "spans.onnx"
    onnx.save(model, str(path))
    return SpeakerModel(path, TONES)


@pytest.mark.promise("speakers")
def test_a_model_that_takes_spans_finds_the_same_speakers_in_long_audio(spans_model) -> None:
    turns = [(LOW, 8.0), (HIGH, 8.0)] * 6
    found = diarize(spans_model, *spoken(*turns))
    assert list(found.labels) == ([found.labels[0]] * 20 + [found.labels[20]] * 20) * 6


def test_windows_at_the_ends_of_a_piece_have_the_vectors_of_their_own_audio(spans_model) -> None:
    audio, _ = spoken((LOW, 30.0), (HIGH, 28.0), (600.0, 12.0))
    spans = [(start, start + 1.6) for start in (68.4, 29.3, 0.0, 27.0, 32.0, 57.6)]
    alone = [spans_model.vectors_at(audio[int(a * SAMPLE_RATE) : int(b * SAMPLE_RATE)], [(0.0, 1.6)])[0] for a, b in spans]
    found = spans_model.vectors_at(audio, spans).astype(np.float32)
    distances = np.abs(found[:, None] - np.stack(alone).astype(np.float32)[None]).mean(axis=2)
    other = np.abs(np.subtract.outer(range(6), range(6))) > 0
    other[[2, 3], [3, 2]] = False  # the same tone
    assert distances.diagonal().max() < 0.2 * distances[other].min()


def test_a_folder_describes_its_features(model_file, tmp_path) -> None:
    shutil.copy(model_file, tmp_path)
    (tmp_path / "speakers.json").write_text(Features(seconds=3.0, scale=1.0, layout="frames_bands").model_dump_json())
    loaded = SpeakerModel.load(str(tmp_path))
    assert (loaded.features.seconds, loaded.vectors([np.ones(SAMPLE_RATE, np.float32)]).shape) == (3.0, (1, 80))
    (tmp_path / "speakers.json").write_text('{"kind": "other"}')
    with pytest.raises(SpeakersUnavailable, match="not a description"):
        SpeakerModel.load(str(tmp_path))


def test_an_unknown_name_is_an_error_that_lists_the_published_ones() -> None:
    with pytest.raises(SpeakersUnavailable, match="there is no speaker model other; known are campplus, ge2e"):
        SpeakerModel.load("other")


def test_a_downloaded_model_must_have_the_published_digests(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CHUNKSCRIBE_MODELS", str(tmp_path))
    monkeypatch.setattr(catalogue, "from_packages", lambda packages, into, *rest: (into / "pretrained.pt").write_bytes(b"x"))
    with pytest.raises(SpeakersUnavailable, match="pretrained.pt is damaged"):
        find_speaker_model("ge2e")

    def offline(*arguments: object) -> None:
        raise SourceFailed("the package index cannot be reached")

    monkeypatch.setattr(catalogue, "from_packages", offline)
    with pytest.raises(SpeakersUnavailable, match="cannot be downloaded: the package index cannot be reached"):
        find_speaker_model("ge2e")
    assert [path.name for path in tmp_path.iterdir()] == [".locks"]


def test_the_graph_of_each_published_model_is_the_one_of_its_digest() -> None:
    for published in speaker_catalogue().models.values():
        graph = Path(catalogue.__file__).with_name(published.graph)
        assert catalogue.sha256_of(graph) == published.files[published.graph].sha256


def test_voices_are_stored_as_bytes(model) -> None:
    (voice,) = diarize(model, *spoken((LOW, 2.0))).voices
    assert len(base64.b64decode(voice.vector)) == 80


def test_a_scale_brings_voices_closer_together(model, model_file) -> None:
    audio = [spoken((pitch, 2.0))[0] for pitch in (LOW, HIGH)]
    one, other = model.vectors(audio)
    near, there = SpeakerModel(model_file, TONES.model_copy(update={"scale": 3.0})).vectors(audio)

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2).sum())

    assert distance(near, there) == pytest.approx(distance(one, other) / 3, rel=1e-3)


def test_the_graph_of_ge2e_is_the_one_that_its_script_writes() -> None:
    script = Path(__file__).parents[2] / "scripts/speaker_graph.py"
    names = runpy.run_path(str(script))
    stored = onnx.load(str(Path(catalogue.__file__).with_name("ge2e.onnx")), load_external_data=False)
    assert names["graph"]() == stored


def transcription(*turns: tuple[float, float]) -> tuple[np.ndarray, Transcription]:
    audio, words = spoken(*turns)
    seconds = len(audio) / SAMPLE_RATE
    return audio, Transcription("en", seconds, (Segment("x", 0, seconds, 0, 0, 1, tuple(words)),))


@pytest.mark.promise("speakers.number")
@pytest.mark.parametrize(
    ("session_id", "row", "count"),
    [
        ("job_x", {}, 2),
        ("job_x", {"min_speakers": 3}, 3),
        ("job_x", {"max_speakers": 1}, 1),
        ("session_x", {"min_speakers": 3}, 2),
        ("session_x", {"min_speakers": 1, "max_speakers": 1}, 1),
    ],
)
def test_a_part_of_a_file_has_as_many_voices_as_its_row_says_and_a_chunk_at_most(model, session_id, row, count) -> None:
    audio, made = transcription((LOW, 15.0), (HIGH, 15.0), (LOW, 15.0), (HIGHER, 15.0))
    claim = Claim(session_id, 1, "u", "k", "etag", 1, 1, diarize=True)
    item: Any = SimpleNamespace(claim=replace(claim, **row), audio=audio)
    worker: Any = SimpleNamespace(_context=SimpleNamespace(speakers=SimpleNamespace(model=lambda: model, name="m")))
    assert len(Batches._with_speakers(worker, item, made, lambda: None).speakers) == count


@pytest.mark.promise("speakers.number")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_audio_has_as_many_speakers_as_are_given(model, count) -> None:
    assert set(speakers(model, (LOW, 4.0), (HIGH, 4.0), (HIGHER, 4.0), limits=Limits(count, count))) == set(range(count))


@pytest.mark.promise("speakers.number")
@pytest.mark.parametrize(("limits", "count"), [(Limits(), 2), (Limits(3, 3), 3), (Limits(1, 1), 1)])
def test_a_file_of_the_service_has_as_many_speakers_as_its_request_says(model, limits: Limits, count: int) -> None:
    file = FileSpeakers(model, limits, lambda: None)
    parts = [transcription((LOW, 6.0), (HIGH, 6.0)), transcription((HIGHER, 6.0), (LOW, 6.0))]
    named = file.named([file.add(audio, made).segments for audio, made in parts])
    assert {word.speaker for part in named for segment in part for word in segment.words} == set(range(count))


@pytest.mark.promise("speakers")
def test_the_parts_of_a_file_leave_only_their_words_and_voices_in_memory(model) -> None:
    """`python -m diarization.memory` in bench/ measures the whole process over three hours."""
    file = FileSpeakers(model, Limits(), lambda: None)
    audio, made = transcription((LOW, 15.0), (HIGH, 15.0))
    parts, peaks = [file.add(audio, made).segments], []
    tracemalloc.start()
    for _ in range(8):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        parts.append(file.add(audio.copy(), made).segments)
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    words = sum(len(segment.words) for part in parts[1:] for segment in part)
    assert words == 8 * 76 and kept < 1000 * words, kept
    assert max(peaks) < 1.1 * peaks[0], peaks
