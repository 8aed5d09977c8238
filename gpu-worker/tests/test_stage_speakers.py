"""Where a machine gets the speaker model of its stage: the bucket, or once the package index."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from gpu_worker.cloud.stage import speaker_model
from gpu_worker.cloud.stage.speaker_model import RETRY_SECONDS, StageSpeakers
from gpu_worker.speech.speakers import SpeakersUnavailable

FILE = "voices.onnx"


class Stage:
    """A bucket, and machines with empty disks and a package index."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.objects: dict[str, bytes] = {}
        self.downloads = 0
        self.is_online = True
        self.now_s = 0.0
        monkeypatch.setattr(speaker_model, "published_files", self._files)
        monkeypatch.setattr(speaker_model.SpeakerModel, "load", self._load)
        monkeypatch.setattr(speaker_model.time, "monotonic", lambda: self.now_s)

    def machine(self, name: str) -> StageSpeakers:
        self.disk = self.folder / name / "speakers-ge2e"
        return StageSpeakers("ge2e", self)

    def _files(self, name: str) -> dict[Path, str] | None:
        return {self.disk / FILE: "digest"} if name == "ge2e" else None

    def _load(self, _name: str) -> str:
        """As SpeakerModel.load: verifies the file, and downloads it from the package index if it is not good."""
        file = self.disk / FILE
        if not file.exists() or file.read_bytes() != b"good":
            if not self.is_online:
                raise SpeakersUnavailable("the package index cannot be reached")
            self.downloads += 1
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"good")
        return "the model"

    def download(self, key: str, into: Path) -> None:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        into.write_bytes(self.objects[key])

    def keep(self, key: str, path: Path) -> None:
        self.objects[key] = path.read_bytes()


@pytest.fixture
def stage(tmp_path, monkeypatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


@pytest.mark.promise("speakers")
def test_a_published_model_is_downloaded_once_per_stage_when_it_is_first_needed(stage) -> None:
    first = stage.machine("first")
    assert stage.downloads == 0
    assert (first.model(), first.model(), stage.downloads) == ("the model", "the model", 1)
    assert stage.objects == {"machine/speakers-ge2e/digest": b"good"}
    assert (stage.machine("second").model(), stage.downloads) == ("the model", 1)


def test_a_damaged_copy_in_the_bucket_is_replaced(stage) -> None:
    stage.objects["machine/speakers-ge2e/digest"] = b"damaged"
    assert (stage.machine("first").model(), stage.downloads) == ("the model", 1)
    assert stage.objects == {"machine/speakers-ge2e/digest": b"good"}


@pytest.mark.promise("speakers")
def test_without_a_network_there_are_no_speakers_and_the_download_is_tried_again_later(stage) -> None:
    machine = stage.machine("first")
    stage.is_online = False
    assert machine.model() is None
    stage.is_online = True
    assert machine.model() is None
    stage.now_s += RETRY_SECONDS
    assert machine.model() == "the model"


def test_a_stage_without_speakers_has_no_model(stage) -> None:
    assert StageSpeakers("", stage).model() is None


@pytest.mark.promise("speakers")
def test_a_missing_or_invalid_model_of_the_users_own_is_an_error_at_start(tmp_path, stage, monkeypatch) -> None:
    with pytest.raises(SpeakersUnavailable, match="there is no speaker model models/mine.onnx"):
        StageSpeakers("mine.onnx", stage)
    monkeypatch.undo()
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(SpeakersUnavailable, match="cannot be loaded"):
        StageSpeakers(str(tmp_path / "bad.onnx"), stage)
