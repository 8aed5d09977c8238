"""OpenAI's references of known speakers: data URLs, checked before anything is queued. The model process checks the speech.

@see https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote_to_bytes

from gpu_worker.service.http.problems import Problem
from gpu_worker.service.queue.disk_full import as_disk_full
from gpu_worker.service.queue.known_speakers import KnownSpeaker, speakers_file
from gpu_worker.speech.media import detect


def invalid_reference(message: str) -> Problem:
    """The problem of a reference that cannot be used."""
    return Problem(400, "invalid_value", message, param="known_speaker_references")


def _audio_of(url: bytes, name: str) -> bytes:
    """The content of a data URL. Raises Problem."""
    header, comma, data = url.partition(b",")
    if not comma or not header.lower().startswith(b"data:") or not header.lower().endswith(b";base64"):
        raise invalid_reference(f"{name} must be a data URL in base64, such as data:audio/wav;base64,…")
    try:
        data = b"".join(unquote_to_bytes(data).split())
        audio = base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except binascii.Error as error:
        raise invalid_reference(f"{name} is not valid base64") from error
    if detect(BytesIO(audio)) is None:
        raise invalid_reference(f"{name} is not a supported audio file")
    return audio


def store_known_speakers(upload: Path, names: Sequence[str], sizes: Sequence[int]) -> str | None:
    """Turns the received data URLs of an upload into its known speakers. One reference at a time is in memory.

    Args:
        upload: Path of the upload; the data URLs are in its speakers_file.
        names: Names of the speakers.
        sizes: Length of each data URL in bytes, in the same order.

    Returns:
        A digest of names and audio; None without known speakers.

    Raises:
        Problem: A reference is no data URL with audio.
        DiskFull: The disk is full.
    """
    file = speakers_file(upload)
    if not names:
        file.unlink(missing_ok=True)
        return None
    parsed = file.with_name(f"{file.name}.new")
    digest = hashlib.sha256()
    try:
        with as_disk_full(), file.open("rb") as urls, parsed.open("wb") as lines:
            for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
                audio = _audio_of(urls.read(size), f"known_speaker_references[{number}]")
                line = KnownSpeaker(name=name, audio=audio).model_dump_json().encode() + b"\n"
                digest.update(line)
                lines.write(line)
            lines.flush()
            os.fsync(lines.fileno())
        parsed.replace(file)
    finally:
        parsed.unlink(missing_ok=True)
    return digest.hexdigest()
