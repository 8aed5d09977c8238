"""Speaker vectors with a tiny model, made here, that separates high from low voices."""

import base64
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gpu_worker.cloud.stage.speaker_model import speaker_model
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Segment
from gpu_worker.speech.speakers import SpeakerModel, SpeakersUnavailable


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose vector of 80 is the maximum of each mel bin over time, minus the mean of all bins."""
    nodes = [
        helper.make_node("ReduceMax", ["feats"], ["loudest"], axes=[1], keepdims=0),
        helper.make_node("ReduceMean", ["loudest"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["loudest", "mean"], ["voice"]),
    ]
    feats = helper.make_tensor_value_info("feats", TensorProto.FLOAT, [1, "frames", 80])
    voice = helper.make_tensor_value_info("voice", TensorProto.FLOAT, [1, 80])
    graph = helper.make_graph(nodes, "voices", [feats], [voice])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path_factory.mktemp("models") / "voices.onnx"
    onnx.save(model, str(path))
    return path


def segment(start: float, end: float) -> Segment:
    return Segment("x", start, end, 0.0, 0.0, 1.0, ())


def vector(voice: str) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(voice), dtype=np.int8).astype(np.float32)
    return values / np.linalg.norm(values)


@pytest.mark.promise("speakers")
def test_segments_of_one_voice_are_closer_than_those_of_two(model_file) -> None:
    time = np.arange(SAMPLE_RATE * 4) / SAMPLE_RATE
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time)
    low, high = (0.3 * beat * np.sin(2 * np.pi * pitch * time) for pitch in (150, 2500))
    audio = np.concatenate([low[: 2 * SAMPLE_RATE], high[: 2 * SAMPLE_RATE]]).astype(np.float32)
    marked = SpeakerModel(str(model_file)).with_voices(audio, [segment(0, 1), segment(1, 2), segment(2, 3), segment(3, 4)])
    one, again, other, _ = (vector(part.voice) for part in marked)
    assert one @ again > 0.98
    assert one @ other < one @ again - 0.1


def test_a_segment_that_is_too_short_has_no_voice(model_file) -> None:
    audio = np.zeros(SAMPLE_RATE, dtype=np.float32)
    assert [part.voice for part in SpeakerModel(str(model_file)).with_voices(audio, [segment(0, 0.1)])] == [None]


@pytest.mark.promise("speakers")
def test_a_missing_or_invalid_speaker_model_is_an_error_at_start(tmp_path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(SpeakersUnavailable, match="cannot be loaded"):
        speaker_model(str(tmp_path / "bad.onnx"), None)
    assert speaker_model("", None) is None
