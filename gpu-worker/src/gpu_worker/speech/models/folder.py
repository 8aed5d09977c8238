"""Verifies a folder with a CTranslate2 Whisper model, and detects whether the model is multilingual.

Steps: sizes, SHA-256 of every file, comparison with the expected digests, structure (files present, JSON valid, length of
model.bin as its header states). A stamp outside the folder records size and modification time of verified files, so that the
next start does not read them again; a changed file is verified again.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import BaseModel, ValidationError

from gpu_worker.speech.models.catalogue import FileFacts, LanguageSupport

VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
MODEL_FILES: Final = ("config.json", "model.bin", "tokenizer.json", "preprocessor_config.json", *VOCABULARIES)
MULTILINGUAL_TOKENS: Final = 51_865
"""Smallest vocabulary of a multilingual Whisper model. Source: CTranslate2, WhisperReplica::is_multilingual."""
BINARY_VERSIONS: Final = range(4, 7)
"""Versions of CTranslate2's file format with this layout. Source: ctranslate2/specs/model_spec.py, `_serialize`."""
NO_VERSION: Final = 100
"""A larger number is not a version: the file has another format."""


class Damaged(Exception):
    """The folder cannot be loaded; the message is one line."""


class _Seen(BaseModel):
    size: int
    mtime_ns: int
    sha256: str


class _Stamp(BaseModel):
    folder: str
    files: dict[str, _Seen]


def sha256_of(file: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _text(stream: BinaryIO) -> str:
    (length,) = struct.unpack("<H", _exactly(stream, 2))
    return _exactly(stream, length).rstrip(b"\0").decode()


def _check_binary(file: Path) -> None:
    """Follows the lengths in model.bin to its end without reading weights. Raises Damaged."""
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            (version,) = struct.unpack("<I", _exactly(stream, 4))
            if version not in BINARY_VERSIONS:
                if version >= NO_VERSION:
                    raise Damaged(f"{file} is damaged: it is not a CTranslate2 model")
                return  # an unknown version: only loading can verify it
            spec = _text(stream)
            _, variables = struct.unpack("<II", _exactly(stream, 8))
            if spec != "WhisperSpec":
                raise Damaged(f"{file} is not a Whisper model but {spec}")
            for _ in range(variables):
                _text(stream)
                (rank,) = struct.unpack("<B", _exactly(stream, 1))
                _exactly(stream, 4 * rank + 1)
                (length,) = struct.unpack("<I", _exactly(stream, 4))
                if stream.seek(length, 1) > size:
                    raise EOFError
            (aliases,) = struct.unpack("<I", _exactly(stream, 4))
            for _ in range(2 * aliases):
                _text(stream)
            if stream.tell() != size:
                raise Damaged(f"{file} is damaged: {size - stream.tell()} bytes too long")
    except EOFError as error:
        raise Damaged(f"{file} is damaged: it ends too early, after {size:,} bytes") from error
    except UnicodeDecodeError as error:
        raise Damaged(f"{file} is damaged: it is not a CTranslate2 model") from error


def _vocabulary(folder: Path) -> Path:
    found = next((folder / name for name in VOCABULARIES if (folder / name).is_file()), None)
    if found is None:
        raise Damaged(f"{folder} contains no vocabulary.json or vocabulary.txt: it is not a CTranslate2 Whisper model")
    return found


def _tokens(vocabulary: Path) -> int:
    text = vocabulary.read_text(encoding="utf-8")
    if vocabulary.suffix == ".txt":
        return len(text.rstrip("\n").split("\n"))
    tokens = json.loads(text)
    if not isinstance(tokens, list):
        raise ValueError("not a list")
    return len(tokens)


def _check_structure(folder: Path) -> None:
    if not (folder / "model.bin").is_file():
        raise Damaged(f"{folder} contains no model.bin: it is not a CTranslate2 model")
    if not (folder / "tokenizer.json").is_file():
        raise Damaged(f"{folder} contains no tokenizer.json: convert the model with --copy_files tokenizer.json")
    vocabulary = _vocabulary(folder)
    for file in sorted(folder.glob("*.json")):
        if file.name not in MODEL_FILES or file == vocabulary:
            continue
        try:
            is_object = isinstance(json.loads(file.read_text(encoding="utf-8")), dict)
        except ValueError as error:
            raise Damaged(f"{file} is damaged: it is not valid JSON") from error
        if not is_object:
            raise Damaged(f"{file} is damaged: it is not a JSON object")
    language_support_of(folder)
    _check_binary(folder / "model.bin")


def language_support_of(folder: Path) -> LanguageSupport:
    """Whether the model is multilingual or English-only, by the size of its vocabulary. Raises Damaged."""
    vocabulary = _vocabulary(folder)
    try:
        return "multilingual" if _tokens(vocabulary) >= MULTILINGUAL_TOKENS else "en"
    except ValueError as error:
        raise Damaged(f"{vocabulary} is damaged: it is not a list of words") from error


def _stamp_file(stamps: Path, folder: Path) -> Path:
    return stamps / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}.json"


def _read_stamp(file: Path) -> dict[str, _Seen]:
    try:
        return _Stamp.model_validate_json(file.read_text()).files
    except (OSError, ValidationError):
        return {}


def verify(
    folder: Path, stamps: Path, expected: Mapping[str, FileFacts] | None = None, *, final_folder: Path | None = None
) -> dict[str, str]:
    """Verifies a folder; returns the SHA-256 of each of its files.

    Args:
        folder: The model's folder.
        stamps: Folder of the stamps. If it is not writable, the next start verifies again.
        expected: Expected sizes and digests. None: only the structure is checked.
        final_folder: Where the folder will be moved, for its stamp. None: it stays.

    Raises:
        Damaged: With one line that names the file.
    """
    try:
        return _verify(folder, stamps, expected or {}, final_folder or folder)
    except OSError as error:
        raise Damaged(f"{error.filename or folder} cannot be read: {error.strerror}") from error


def _verify(folder: Path, stamps: Path, expected: Mapping[str, FileFacts], final_folder: Path) -> dict[str, str]:
    stamp = _stamp_file(stamps, final_folder)
    before = _read_stamp(stamp)
    for name, facts in expected.items():
        file = folder / name
        if not file.is_file():
            raise Damaged(f"{file} is missing")
        size = file.stat().st_size
        if facts.size is not None and size != facts.size:
            raise Damaged(f"{file} is damaged: it has {size:,} bytes, not {facts.size:,}")
    seen: dict[str, _Seen] = {}
    for name in MODEL_FILES:
        file = folder / name
        if not file.is_file():
            continue
        now, old = file.stat(), before.get(name)
        is_same = old is not None and (old.size, old.mtime_ns) == (now.st_size, now.st_mtime_ns)
        sha256 = old.sha256 if old is not None and is_same else sha256_of(file)
        seen[name] = _Seen(size=now.st_size, mtime_ns=now.st_mtime_ns, sha256=sha256)
        expected_sha256 = expected.get(name, FileFacts()).sha256
        if expected_sha256 is not None and sha256 != expected_sha256:
            raise Damaged(f"{file} is damaged: its SHA-256 is {sha256[:12]}…, not {expected_sha256[:12]}…")
    if seen != before or not seen:
        _check_structure(folder)
        with suppress(OSError):
            stamps.mkdir(parents=True, exist_ok=True)
            stamp.write_text(_Stamp(folder=str(final_folder.resolve()), files=seen).model_dump_json())
    return {name: file.sha256 for name, file in seen.items()}


def stamped(folder: Path, stamps: Path) -> dict[str, FileFacts]:
    """Sizes and digests of the folder's files when they were last verified; empty if never."""
    return {
        name: FileFacts(sha256=seen.sha256, size=seen.size)
        for name, seen in _read_stamp(_stamp_file(stamps, folder)).items()
    }
