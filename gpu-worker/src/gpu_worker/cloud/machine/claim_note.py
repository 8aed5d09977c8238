"""A note on the machine of what this worker may have claimed.

If the worker dies, the next process releases the claims at once instead of waiting for leases to expire, and learns from the
note how the worker ended.

Files in the folder:
- `in-hand.json`, written by the worker: its messages, before it claims any of them, so that no claim is missing. The rows
  show which of them it really held.
- `last-end`, written by the supervisor (systemd's ExecStopPost, or the host): service result and exit status.

Neither survives a reboot; the leases then expire by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from gpu_worker.cloud.stage.chunk_rows import ENDED_TWICE, ChunkRows
from gpu_worker.cloud.stage.lanes import Lanes, QueueMessage

KILLED_FROM_OUTSIDE: Final = "signal KILL"
"""`last-end` of a process killed from outside. systemd reports `oom-kill` for lack of memory; other signals are crashes."""


@dataclass(frozen=True)
class _Note:
    worker: str
    hints: tuple[QueueMessage, ...]


_NOTE: Final = TypeAdapter(_Note)


class ClaimNote:
    """The note. `folder` outlives the process but not the machine; without a folder nothing is noted."""

    def __init__(self, folder: str, worker_id: str) -> None:
        self._folder = Path(folder) if folder else None
        self._worker_id = worker_id

    def write(self, messages: Sequence[QueueMessage]) -> None:
        """Replaces the note; without messages it is deleted."""
        if self._folder is None:
            return
        if not messages:
            (self._folder / "in-hand.json").unlink(missing_ok=True)
            return
        new = self._folder / "in-hand.new"
        new.write_bytes(_NOTE.dump_json(_Note(self._worker_id, tuple(messages))))
        new.replace(self._folder / "in-hand.json")

    def release_previous(self, rows: ChunkRows, lanes: Lanes) -> int:
        """Releases what the previous process held when it ended; returns the number of its messages."""
        if self._folder is None or not (self._folder / "in-hand.json").exists():
            return 0
        note = _NOTE.validate_json((self._folder / "in-hand.json").read_bytes())
        last_end = self._folder / "last-end"
        was_killed = last_end.exists() and last_end.read_text().strip() == KILLED_FROM_OUTSIDE
        for message in note.hints:
            held = rows.claim_held_by(note.worker, message.session_id, message.chunk_number)
            if held is not None:
                claim, was_alone = held
                rows.blame(claim, was_alone, ENDED_TWICE, killed=was_killed)
            lanes.set_visibility(message, 0)
        self.write([])
        return len(note.hints)
