"""State that survives the end of the emulator's process at any moment, and a full disk.

- Rows of tables: each change, or transaction, is one line of a journal before it is answered.
- Objects: MiniStack stores them in files before it answers; it only hides that a file could not be written.
- Everything else is saved every few seconds if it has changed. The product rebuilds what is lost of it: queues, runs, events.

A snapshot contains all changes of the journals that were begun before it, which are then deleted. Journals contain whole rows, so
replaying one on a newer snapshot is harmless.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults import Faults

SNAPSHOT_SECONDS = 5.0
PARENT_SECONDS = 1.0
END_SECONDS = 10.0
FREE_BYTES = 256 * 1024 * 1024
"""Uploads are refused below this; the rest is for rows, results and logs."""
SAVED_AT_END = frozenset({"cloudwatch", "cloudwatch_logs"})
"""Logs and metrics, which grow while nothing happens."""
SAVED_LAST = "cloudformation"
"""A stack is saved after its resources, so that one whose resources could not be saved is deployed again."""


Change = tuple[str, str, str, dict[str, Any] | None]
"""Table, keys and new row; None: removed."""


class Journal:
    """Changes of rows in their order, one JSON line for those that are made together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._number = max((int(path.suffix[1:]) for path in folder.glob("rows.*")), default=0) + 1
        self._file = self._open()

    def _open(self) -> int:
        return os.open(self._folder / f"rows.{self._number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, changes: list[Change]) -> None:
        """Appends a line. On an error, the file is as before. Raises OSError, as on a full disk."""
        line = json.dumps(changes).encode() + b"\n"
        with self._lock:
            size = os.fstat(self._file).st_size
            try:
                if os.write(self._file, line) != len(line):
                    raise OSError("the disk is full")
            except OSError:
                os.ftruncate(self._file, size)
                raise

    def begin_next(self) -> int:
        """Begins the next file, unless this one is empty; returns the number of the previous one."""
        with self._lock:
            if os.fstat(self._file).st_size == 0:
                return self._number - 1
            os.close(self._file)
            self._number += 1
            self._file = self._open()
            return self._number - 1

    def remove(self, last: int) -> None:
        """Removes the files up to this number."""
        for path in self._folder.glob("rows.*"):
            if int(path.suffix[1:]) <= last:
                path.unlink(missing_ok=True)

    def changes(self) -> Iterator[Change]:
        """All changes of earlier processes. The last line of a file may be cut."""
        for path in sorted(self._folder.glob("rows.*"), key=lambda path: int(path.suffix[1:])):
            for line in path.read_text().splitlines():
                with contextlib.suppress(json.JSONDecodeError):
                    yield from json.loads(line)


def keep_rows(journal: Journal) -> None:
    """Records changes of rows, and restores those that are not in the snapshot."""
    from ministack.services import dynamodb

    set_item, remove_item, transact = dynamodb._set_item, dynamodb._remove_item, dynamodb._transact_write_items
    load = dynamodb.load_persisted_state
    here = threading.local()
    """`together`: changes of the thread's transaction."""

    def record(change: Change) -> None:
        together = getattr(here, "together", None)
        if together is None:
            journal.add([change])
        else:
            together.append(change)

    def set_recorded(table: dict[str, Any], pk: str, sk: str, item: dict[str, Any]) -> Any:
        record((table["TableName"], pk, sk, item))
        return set_item(table, pk, sk, item)

    def remove_recorded(table: dict[str, Any], pk: str, sk: str) -> Any:
        record((table["TableName"], pk, sk, None))
        return remove_item(table, pk, sk)

    def transact_recorded(data: dict[str, Any]) -> Any:
        here.together = []
        try:
            response = transact(data)
            if here.together:
                journal.add(here.together)
            return response
        finally:
            here.together = None

    def load_with_journal(data: dict[str, Any]) -> None:
        load(data)
        tables = {key[-1]: table for key, table in dynamodb._tables.all_items()}
        for name, pk, sk, item in journal.changes():
            if name not in tables:
                continue
            if item is None:
                remove_item(tables[name], pk, sk)
            else:
                set_item(tables[name], pk, sk, item)

    dynamodb._set_item, dynamodb._remove_item = set_recorded, remove_recorded
    dynamodb._transact_write_items, dynamodb.load_persisted_state = transact_recorded, load_with_journal


def refuse_uploads_without_space(app: Any, faults: Faults, folder: Path) -> None:
    """Answers 503 to uploads when the disk is almost full, and 500 if a file cannot be written. MiniStack keeps it in memory."""
    from ministack.services import s3

    handle, log = app.SERVICE_HANDLERS["s3"], s3.logger.warning

    async def handle_with_space(method: str, *rest: Any, **named: Any) -> Any:
        if method in ("PUT", "POST") and faults.get("free_bytes", shutil.disk_usage(folder).free) < FREE_BYTES:
            xml = '<?xml version="1.0"?><Error><Code>ServiceUnavailable</Code><Message>The disk is full.</Message></Error>'
            return 503, {"Content-Type": "application/xml"}, xml.encode()
        return await handle(method, *rest, **named)

    def fail(text: str, *values: Any) -> None:
        if text.startswith("Failed to persist S3 object"):
            raise OSError(text % values)
        log(text, *values)

    app.SERVICE_HANDLERS["s3"] = handle_with_space
    s3.logger.warning = fail


def forget_layers() -> None:
    """Drops the content of layers, 58 MB that nothing uses: host/emulator/launcher.py publishes the files that they are for."""
    from ministack.services import lambda_svc

    for _key, layer in lambda_svc._layers.all_items():
        for version in layer["versions"]:
            version["_zip_data"] = b""


def save_changes(app: Any, journal: Journal) -> None:
    """Saves changed services every few seconds; MiniStack saves all of them, and only on a clean stop."""
    from ministack.core import persistence

    digests: dict[str, bytes] = {}

    def save(name: str, state: Any) -> None:
        payload = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
        text = json.dumps(payload, default=persistence._json_default)
        digest = hashlib.sha256(text.encode()).digest()
        if digests.get(name) == digest:
            return
        path = Path(persistence.STATE_DIR) / f"{name}.json"
        part = path.with_suffix(".json.tmp")
        try:
            part.write_text(text)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        digests[name] = digest

    def save_all(services: dict[str, Any], skipped: frozenset[str] = frozenset()) -> None:
        forget_layers()
        last = journal.begin_next()
        for name in sorted(services.keys() - skipped, key=lambda name: name == SAVED_LAST):
            state = services[name]()
            if state is not None:
                save(name, state)
        journal.remove(last)

    def save_at_end(services: dict[str, Any]) -> None:
        try:
            save_all(services)
        except OSError as error:
            persistence.logger.error("the state could not be saved: %s", error)

    def run() -> None:
        while True:
            time.sleep(SNAPSHOT_SECONDS)
            try:
                save_all(app._build_persistence_save_dict(), SAVED_AT_END)
            except RuntimeError:  # a dictionary changed during iteration: saved in the next round
                continue
            except Exception as error:  # the next round tries again
                persistence.logger.error("the state could not be saved: %s", error)

    persistence.logger.setLevel(logging.WARNING)
    persistence.save_all = app.save_all = save_at_end
    threading.Thread(target=run, daemon=True).start()


def end_with_parent() -> None:
    """Ends the emulator and its functions when the host that started it has been killed: in order, or else after a while."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_SECONDS)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
