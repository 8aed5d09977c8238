"""Claims that could not be released, and claims whose success is unknown, because AWS failed.

Their messages stay here until the rows show that this worker no longer holds them. So a failure of AWS costs no attempt, and
no lease expires that would make a healthy chunk a suspect.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.lanes import Lanes, QueueMessage

log = structlog.get_logger()


class Unsettled:
    """The messages of these claims."""

    def __init__(self, rows: ChunkRows, lanes: Lanes) -> None:
        self._rows = rows
        self._lanes = lanes
        self.messages: list[QueueMessage] = []

    def add(self, messages: Iterable[QueueMessage]) -> None:
        """Adds messages whose chunks this worker does not process any more, but may still hold."""
        self.messages.extend(messages)

    def settle(self) -> None:
        """Releases every chunk that this worker still holds. Raises the error of AWS if it still fails."""
        while self.messages:
            message = self.messages[0]
            held = self._rows.claim_held_by(self._rows.worker_id, message.session_id, message.chunk_number)
            if held is not None:
                self._rows.release(held[0])
                log.info("released after a failure of AWS", session_id=message.session_id, chunk=message.chunk_number)
            self._lanes.set_visibility(message, 0)
            self.messages.pop(0)
