"""Parses multipart requests and streams the file to disk, so that memory use does not depend on the file's size."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from anyio import to_thread
from pydantic import BaseModel, Field, ValidationError
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from gpu_worker.service.queue.disk_full import DiskFull, as_disk_full
from gpu_worker.service.queue.known_speakers import speakers_file

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
BUFFER_BYTES: Final = 1024**2
MAX_FIELDS: Final = 100
MAX_FIELD_BYTES: Final = 64 * 1024
REFERENCES: Final = ("known_speaker_references[]", "known_speaker_references")
"""OpenAI's name of the field, and the one that other clients send."""
MAX_REFERENCES: Final = 4
MAX_REFERENCE_BYTES: Final = 6 * 1024**2
"""10 s of uncompressed audio in base64, 48 kHz stereo with 32 bits."""
MAX_DRAINED_BYTES: Final = 32 * 1024**2
"""Bytes of a refused request that are still read: many clients read a response only after they have sent everything."""


class UploadHeaders(BaseModel):
    """Headers of a request with a form."""

    content_type: str = Field(default="", alias="content-type")
    content_length: int = Field(default=0, alias="content-length")
    """0: unknown."""


class BadUpload(Exception):
    """The request is not a valid multipart form."""


class TooLarge(Exception):
    """The file exceeds the limit."""


@dataclass
class Form:
    """A received form: fields by name, and one file."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    filename: str | None = None
    size_bytes: int = 0
    sha256: str = ""
    references: list[int] = field(default_factory=list)
    """Bytes of each reference of a known speaker. Those of the first MAX_REFERENCES are in the upload's speakers_file."""

    def last(self, name: str) -> str | None:
        """The last value of a field; None if it is absent or empty."""
        return (self.fields.get(name) or [""])[-1] or None


class _Receiver:
    """Callbacks of the multipart parser. Parts become fields; the part `file` and references are written to disk."""

    def __init__(self, file: IO[bytes], references: Path, limit_bytes: int, min_free_bytes: int) -> None:
        self.form = Form()
        self._file = file
        self._references = references
        self._limit = limit_bytes
        self._min_free = min_free_bytes
        self._hash = hashlib.sha256()
        self._buffer, self._reference_buffer = bytearray(), bytearray()
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._is_file = self._is_reference = False
        self._text = bytearray()
        self._parts = 0
        self.is_complete = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finished,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_FIELDS:
            raise BadUpload("too many fields")
        self._headers, self._text = {}, bytearray()

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode(errors="replace")
        filename = options.get(b"filename", b"file").decode(errors="replace")
        if CONTROL.search(self._name + filename):
            raise BadUpload("field and file names may not contain control characters")
        self._is_file = b"filename" in options or (self._name == "file")
        self._is_reference = not self._is_file and self._name in REFERENCES
        if self._is_reference:
            self.form.references.append(0)
        if not self._is_file:
            return
        if self._name != "file":
            raise BadUpload(f"the file must be in the field file, not {self._name[:50]}")
        if self.form.filename is not None:
            raise BadUpload("a request may contain only one file")
        self.form.filename = filename[-255:] or "file"

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_reference:
            self.form.references[-1] += end - start
            if self.form.references[-1] > MAX_REFERENCE_BYTES:
                raise BadUpload(f"the field {self._name} is too long")
            if len(self.form.references) <= MAX_REFERENCES:
                self._reference_buffer.extend(data[start:end])
            return
        if not self._is_file:
            self._text.extend(data[start:end])
            if len(self._text) > MAX_FIELD_BYTES:
                raise BadUpload(f"the field {self._name[:50]} is too long")
            return
        self.form.size_bytes += end - start
        if self.form.size_bytes > self._limit:
            raise TooLarge
        self._buffer.extend(data[start:end])

    def _end(self) -> None:
        if not self._is_file and not self._is_reference:
            self.form.fields.setdefault(self._name, []).append(self._text.decode(errors="replace"))

    def _finished(self) -> None:
        self.is_complete = True

    @property
    def is_full(self) -> bool:
        """Whether the buffers should be written."""
        return len(self._buffer) + len(self._reference_buffer) >= BUFFER_BYTES

    def flush(self) -> None:
        """Writes the buffers; blocks. Raises DiskFull."""
        self._hash.update(self._buffer)
        self._file.write(self._buffer)
        self._file.flush()
        self._buffer.clear()
        if self._reference_buffer:
            with self._references.open("ab") as file:
                file.write(self._reference_buffer)
            self._reference_buffer.clear()
        if shutil.disk_usage(self._file.fileno()).free < self._min_free:
            raise DiskFull

    def finish(self) -> Form:
        """Writes the rest to the disk itself and returns the form; blocks. Raises DiskFull."""
        self.flush()
        os.fsync(self._file.fileno())
        self.form.sha256 = self._hash.hexdigest()
        return self.form


async def receive(request: Request, into: Path, limit_bytes: int, min_free_bytes: int) -> Form:
    """Receives a form and writes its file to `into`, and references of known speakers to its speakers_file.

    Raises:
        BadUpload: The request is not a valid form.
        TooLarge: The file exceeds `limit_bytes`.
        DiskFull: The disk is full, or has less than `min_free_bytes` left.
    """
    try:
        headers = UploadHeaders.model_validate(dict(request.headers))
    except ValidationError as error:
        raise BadUpload("the request headers are invalid") from error
    kind, options = parse_options_header(headers.content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise BadUpload("the request must be a multipart form with the field file")
    max_bytes, received_bytes = limit_bytes + MAX_FIELDS * MAX_FIELD_BYTES, 0
    max_references_bytes = MAX_REFERENCES * MAX_REFERENCE_BYTES
    if headers.content_length > max_bytes + max_references_bytes:
        raise TooLarge
    with as_disk_full(), await to_thread.run_sync(into.open, "wb") as file:
        receiver = _Receiver(file, speakers_file(into), limit_bytes, min_free_bytes)
        try:
            parser = MultipartParser(boundary, receiver.callbacks())  # type: ignore[arg-type]
            async for chunk in request.stream():
                received_bytes += len(chunk)
                if received_bytes > max_bytes + min(sum(receiver.form.references), max_references_bytes):
                    raise TooLarge
                parser.write(chunk)
                if receiver.is_full:
                    await to_thread.run_sync(receiver.flush)
            parser.finalize()
        except FormParserError as error:
            raise BadUpload("the multipart form is malformed") from error
        if not receiver.is_complete:
            raise BadUpload("the multipart form is incomplete")
        return await to_thread.run_sync(receiver.finish)


async def drain(request: Request) -> None:
    """Reads and discards the rest of a refused request, up to a limit."""
    count = 0
    with suppress(RuntimeError, ClientDisconnect):  # the body was read already, or the client is gone
        async for chunk in request.stream():
            count += len(chunk)
            if count > MAX_DRAINED_BYTES:
                return
