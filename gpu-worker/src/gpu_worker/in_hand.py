"""What this worker may hold, noted on the machine, so that the process after it gives it back at once, without waiting
for leases to end, and knows whose fault the end was.

`in-hand.json` is the worker's: the messages that it sets out to claim chunks for, written before it claims any, so no death
falls between a claim and its note. The rows tell what it really held. `last-end` is written by whoever starts it again
(systemd's ExecStopPost: service result and exit status). Both are gone after a reboot: then leases end by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from gpu_worker.chunk_rows import DEADLY, ChunkRows
from gpu_worker.lanes import Hint, Lanes

FROM_OUTSIDE: Final = "signal KILL"
"""Somebody ended the process; systemd calls it `oom-kill` when memory ran out, and other signals are the process's own."""


class InHand:
    """The note in a folder that outlives the process but not the machine; without a folder nothing is noted."""

    def __init__(self, folder: str, worker_id: str) -> None:
        self._folder = Path(folder) if folder else None
        self._worker_id = worker_id

    def note(self, hints: Sequence[Hint]) -> None:
        """Replaces the note; an empty one is none."""
        if self._folder is None:
            return
        if not hints:
            (self._folder / "in-hand.json").unlink(missing_ok=True)
            return
        new = self._folder / "in-hand.new"
        new.write_text(json.dumps({"worker": self._worker_id, "hints": [asdict(hint) for hint in hints]}))
        new.replace(self._folder / "in-hand.json")

    def give_back(self, rows: ChunkRows, lanes: Lanes) -> int:
        """Gives back what the process before this one held when it ended; answers how much that was."""
        if self._folder is None or not (self._folder / "in-hand.json").exists():
            return 0
        left = json.loads((self._folder / "in-hand.json").read_text())
        last_end = self._folder / "last-end"
        killed = last_end.exists() and last_end.read_text().strip() == FROM_OUTSIDE
        for hint in (Hint(**fields) for fields in left["hints"]):
            held = rows.left_by(left["worker"], hint.session_id, hint.chunk_number)
            if held is not None:
                claim, was_alone = held
                rows.blame(claim, was_alone, DEADLY, killed=killed)
            lanes.show_again(hint, 0)
        self.note([])
        return len(left["hints"])
