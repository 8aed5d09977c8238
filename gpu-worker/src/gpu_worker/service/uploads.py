"""Multipart requests, streamed to disk as they come: a file of 5 GiB needs no more memory than one of 5 KB."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from anyio import to_thread
from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

BUFFER_BYTES: Final = 1024**2
MOST_FIELDS: Final = 100
MOST_FIELD_BYTES: Final = 64 * 1024
HEAD_BYTES: Final = 12
DRAINED_BYTES: Final = 32 * 1024**2
"""So much of a request that is refused is read all the same: clients hear an answer only when they have been heard."""


class BadUpload(Exception):
    """The request is no multipart form that we understand."""


class TooLarge(Exception):
    """The file is larger than one may be."""


@dataclass
class Form:
    """What came: fields by name, and the one file."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    filename: str | None = None
    size_bytes: int = 0
    sha256: str = ""
    head: bytes = b""
    """The file's first bytes."""

    def one(self, name: str) -> str | None:
        """The last value of a field; None where it is absent or empty."""
        return (self.fields.get(name) or [""])[-1] or None


class _Receiver:
    """Callbacks of the parser: parts become fields, the part `file` goes to disk."""

    def __init__(self, file: IO[bytes], limit_bytes: int) -> None:
        self.form = Form()
        self._file = file
        self._limit = limit_bytes
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._is_file = False
        self._text = bytearray()
        self._parts = 0
        self.is_over = False

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
        if self._parts > MOST_FIELDS:
            raise BadUpload("too many fields")
        self._headers, self._text = {}, bytearray()

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode(errors="replace")
        self._is_file = b"filename" in options or (self._name == "file")
        if not self._is_file:
            return
        if self._name != "file":
            raise BadUpload(f"the file must be in the field file, not {self._name[:50]}")
        if self.form.filename is not None:
            raise BadUpload("one file a request")
        self.form.filename = options.get(b"filename", b"file").decode(errors="replace")[-255:] or "file"

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._text.extend(data[start:end])
            if len(self._text) > MOST_FIELD_BYTES:
                raise BadUpload(f"the field {self._name[:50]} is too long")
            return
        self.form.size_bytes += end - start
        if self.form.size_bytes > self._limit:
            raise TooLarge
        if len(self.form.head) < HEAD_BYTES:
            self.form.head += data[start : start + HEAD_BYTES - len(self.form.head)]
        self._buffer.extend(data[start:end])

    def _end(self) -> None:
        if not self._is_file:
            self.form.fields.setdefault(self._name, []).append(self._text.decode(errors="replace"))

    def _finished(self) -> None:
        self.is_over = True

    @property
    def is_full(self) -> bool:
        """Whether there is enough to write."""
        return len(self._buffer) >= BUFFER_BYTES

    def flush(self) -> None:
        """Writes what has come; blocks."""
        self._hash.update(self._buffer)
        self._file.write(self._buffer)
        self._buffer.clear()

    def finish(self) -> Form:
        """Everything has come; blocks."""
        self.flush()
        self.form.sha256 = self._hash.hexdigest()
        return self.form


async def receive(request: Request, into: Path, limit_bytes: int) -> Form:
    """Reads the form, its file into this path.

    Raises:
        BadUpload: no form, or a broken one.
        TooLarge: the file is larger than the limit.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise BadUpload("send a multipart form with the field file")
    if int(request.headers.get("content-length") or 0) > limit_bytes + MOST_FIELDS * MOST_FIELD_BYTES:
        raise TooLarge
    with await to_thread.run_sync(into.open, "wb") as file:
        receiver = _Receiver(file, limit_bytes)
        parser = MultipartParser(boundary, receiver.callbacks())  # type: ignore[arg-type]
        try:
            async for chunk in request.stream():
                parser.write(chunk)
                if receiver.is_full:
                    await to_thread.run_sync(receiver.flush)
            parser.finalize()
        except MultipartParseError as error:
            raise BadUpload("the form is broken") from error
        if not receiver.is_over:
            raise BadUpload("the form is not complete")
        return await to_thread.run_sync(receiver.finish)


async def drain(request: Request) -> None:
    """Reads what a refused request still sends, up to a limit."""
    count = 0
    with suppress(RuntimeError, ClientDisconnect):  # it has been read already; nobody is there any more
        async for chunk in request.stream():
            count += len(chunk)
            if count > DRAINED_BYTES:
                return
