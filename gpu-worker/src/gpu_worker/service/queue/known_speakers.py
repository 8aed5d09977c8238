"""Known speakers of a job: names, and recordings of their voices. Their file is beside the upload until the job ends."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

SUFFIX: Final = ".speakers"


class KnownSpeaker(BaseModel):
    """A name and a media file with this person's voice."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    name: str
    audio: bytes


def speakers_file(upload: Path) -> Path:
    """Where the known speakers of an upload are stored: a KnownSpeaker as JSON in each line."""
    return upload.with_name(upload.name + SUFFIX)


def read_known_speakers(upload: Path) -> list[KnownSpeaker]:
    """The known speakers of an upload; empty if there are none."""
    file = speakers_file(upload)
    if not file.exists():
        return []
    return [KnownSpeaker.model_validate_json(line) for line in file.read_text().splitlines()]


def delete_upload(upload: Path) -> None:
    """Deletes an upload and its known speakers, if they exist."""
    upload.unlink(missing_ok=True)
    speakers_file(upload).unlink(missing_ok=True)
